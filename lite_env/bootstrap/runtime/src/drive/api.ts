import { ContentsAPI } from '@jupyterlite/services/lib/contents/drivefs';
import type { IStats } from '@jupyterlite/services/lib/contents/emscripten';
import { fromBase64, toBase64 } from '../base64';
import { DriveError, ERRNO, type DriveChannel, type DriveMethod, type DriveRequest } from './channel';
import { FILE_MODE, FOLDER_MODE, isFolder } from './modes';

const BLOCK = 512;

/** What a drive says of a file or folder. */
export type Stat = IStats;

export interface Found {
  readonly mode: number;
  /** Of servers that send it along: the round trip for `getattr` is saved. */
  readonly stat: Stat | null;
}

export interface Listed {
  readonly name: string;
  /** Of servers that tell it; else every name costs a `lookup`. */
  readonly mode: number | null;
}

export interface ApiOptions extends ContentsAPI.IOptions {
  readonly channel: DriveChannel;
  /** Told when the drive stops answering, and when it does again. */
  onTrouble(error: DriveError | null): void;
}

/** DriveFS's requests over a channel, with contents as bytes and errors as errnos. */
export class LiteContentsAPI extends ContentsAPI {
  /** Requests so far. */
  readonly calls = new Map<DriveMethod, number>();
  /**
   * Whether the other side keeps POSIX's promises: what exists is not made again (`EEXIST`), a folder with files in it
   * is not removed (`ENOTEMPTY`). Plain JupyterLite does not, so there we ask first. Seen by the `stat` in a lookup.
   */
  isStrict = false;
  private troubled = false;
  private readonly channel: DriveChannel;
  private readonly onTrouble: (error: DriveError | null) => void;

  constructor(options: ApiOptions) {
    super(options);
    this.channel = options.channel;
    this.onTrouble = error => options.onTrouble(error);
  }

  /** Send a request; a refusal becomes the `ErrnoError` that the program gets. */
  override request(request: DriveRequest): any {
    this.calls.set(request.method, (this.calls.get(request.method) ?? 0) + 1);
    try {
      const answer = this.channel.ask(request);
      this.tell(null);
      return answer;
    } catch (cause) {
      const error = cause instanceof DriveError ? cause : new DriveError('EIO', String(cause), { cause });
      this.tell(error);
      throw this.failed(error.code);
    }
  }

  failed(code: keyof typeof ERRNO): Error {
    return new this.FS.ErrnoError((this.ERRNO_CODES?.[code] as number | undefined) ?? ERRNO[code]);
  }

  /** What is at the path, null when nothing is. */
  find(path: string): Found | null {
    const answer = this.request({ method: 'lookup', path: this.normalizePath(path) }) as {
      ok: boolean;
      mode?: number;
      stat?: Stat;
    };
    if (!answer?.ok) {
      return null;
    }
    this.isStrict ||= answer.stat !== undefined;
    return { mode: fileType(answer.mode), stat: answer.stat ? complete(answer.stat) : null };
  }

  override getattr(path: string): Stat {
    return complete(this.request({ method: 'getattr', path: this.normalizePath(path) }) as Stat);
  }

  list(path: string): Listed[] {
    const request = { method: 'readdir', path: this.normalizePath(path), data: { detail: true } } as const;
    const names = this.request(request) as (string | { name: string; mode: number })[];
    return names.map(entry =>
      typeof entry === 'string' ? { name: entry, mode: null } : { name: entry.name, mode: fileType(entry.mode) }
    );
  }

  /** The whole contents of a file. */
  read(path: string): Uint8Array {
    const answer = this.request({ method: 'get', path: this.normalizePath(path) }) as {
      content: unknown;
      format: string;
    } | null;
    if (!answer) {
      throw this.failed('ENOENT');
    }
    if (answer.format === 'base64') {
      return fromBase64(String(answer.content ?? ''));
    }
    const { content } = answer;
    return new TextEncoder().encode(typeof content === 'string' ? content : JSON.stringify(content ?? ''));
  }

  /** Replace the whole contents; always as base64, so that no byte is taken for text. */
  write(path: string, bytes: Uint8Array): void {
    const data = { format: 'base64', data: toBase64(bytes) };
    this.request({ method: 'put', path: this.normalizePath(path), data });
  }

  private tell(error: DriveError | null): void {
    const troubled = error?.code === 'EIO';
    if (troubled !== this.troubled) {
      this.troubled = troubled;
      this.onTrouble(troubled ? error : null);
    }
  }
}

/** Times as dates, as Emscripten 4 wants them, and blocks as POSIX counts them. */
function complete(stat: Stat): Stat {
  const size = stat.size || 0;
  const date = (time: Date | string | undefined) => new Date(time || 0);
  return {
    ...stat,
    size,
    blocks: Math.ceil(size / BLOCK),
    atime: date(stat.atime),
    mtime: date(stat.mtime),
    ctime: date(stat.ctime),
  };
}

/** The type alone; permissions are open to all, as DriveFS shows them. */
function fileType(mode: number | undefined): number {
  return isFolder(mode ?? FILE_MODE) ? FOLDER_MODE : FILE_MODE;
}
