import { ContentsAPI } from '@jupyterlite/services/lib/contents/drivefs';
import type { IStats } from '@jupyterlite/services/lib/contents/emscripten';
import { fromBase64, toBase64 } from '../base64';
import { newId } from '../ids';
import {
  codeOf,
  DriveError,
  ERRNO,
  type DriveChannel,
  type DriveMethod,
  type DriveRequest,
} from './channel';
import { PIECE_BYTES, WHOLE_BYTES } from './limits';
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

/** What a drive answers to a lookup. */
export interface LookupAnswer {
  readonly ok: boolean;
  readonly mode?: number;
  readonly stat?: Stat;
  readonly pieces?: number;
}

interface GetAnswer {
  readonly content: unknown;
  readonly format: string;
  /** Of a piece: bytes of the whole file, and what changes when the file does. */
  readonly size?: number;
  readonly version?: string;
}

/** So often a file is begun anew that is changed while its pieces come. */
const READS = 5;

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
  /** Bytes of the largest piece of a file that the other side takes; 0 where it knows no pieces. Seen there as well. */
  private piece = 0;
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
      throw this.fail(cause);
    }
  }

  /** What a program gets for an error of ours; the page is told when the drive does not answer any more. */
  fail(cause: unknown): Error {
    const error = cause instanceof DriveError ? cause : new DriveError(codeOf(cause), String(cause), { cause });
    this.tell(error);
    return this.failed(error.code);
  }

  failed(code: keyof typeof ERRNO): Error {
    return new this.FS.ErrnoError((this.ERRNO_CODES?.[code] as number | undefined) ?? ERRNO[code]);
  }

  /** Learn from a lookup what the drive can. */
  greet(answer: LookupAnswer | null): void {
    this.isStrict ||= answer?.stat !== undefined;
    this.piece = Math.min(PIECE_BYTES, answer?.pieces ?? this.piece);
  }

  /** What is at the path, null when nothing is. */
  find(path: string): Found | null {
    const answer = this.request({ method: 'lookup', path: this.normalizePath(path) }) as LookupAnswer;
    if (!answer?.ok) {
      return null;
    }
    this.greet(answer);
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

  /** Make a file, or leave the one that is there; whether it was made. */
  make(path: string, mode: number): boolean {
    // Who does not know the word makes it, or refuses with `EEXIST`.
    const data = this.isStrict ? { mode, exclusive: false } : { mode };
    const answer = this.request({ method: 'mknod', path: this.normalizePath(path), data }) as { made?: boolean } | null;
    return answer?.made !== false;
  }

  /** The whole contents of a file, in pieces where the drive gives them. */
  read(path: string): Uint8Array {
    for (let attempt = 1; attempt <= READS; attempt += 1) {
      const bytes = this.readOnce(path);
      if (bytes) {
        return bytes;
      }
    }
    throw this.fail(new DriveError('EIO', `"${path}" changes while it is read`));
  }

  /** Replace the whole contents, in one step for all who look; as base64, so that no byte is taken for text. */
  write(path: string, bytes: Uint8Array): void {
    const name = this.normalizePath(path);
    const put = (data: Record<string, unknown>) => void this.request({ method: 'put', path: name, data });
    if (this.piece === 0 || bytes.length <= this.piece) {
      put({ format: 'base64', data: this.encode(path, bytes) });
      return;
    }
    const upload = newId();
    for (let offset = 0; offset < bytes.length; offset += this.piece) {
      const data = this.encode(path, bytes.subarray(offset, offset + this.piece));
      put({ format: 'base64', data, piece: { upload, offset, size: bytes.length } });
    }
  }

  /** The contents; null when they were changed between two pieces. */
  private readOnce(path: string): Uint8Array | null {
    const first = this.getPiece(path, 0);
    if (first.size === undefined) {
      return this.decode(first);
    }
    const { size, version } = first;
    const head = this.decode(first);
    if (head.length >= size) {
      return head;
    }
    const bytes = this.allocate(size);
    bytes.set(head);
    for (let at = head.length; at < size; ) {
      const answer = this.getPiece(path, at);
      const piece = answer.version === version && answer.size === size ? this.decode(answer) : null;
      if (!piece || piece.length === 0 || piece.length > size - at) {
        return null;
      }
      bytes.set(piece, at);
      at += piece.length;
    }
    return bytes;
  }

  private getPiece(path: string, offset: number): GetAnswer {
    const range = this.piece > 0 && { data: { offset, length: this.piece } };
    const request = { method: 'get', path: this.normalizePath(path), ...range } as const;
    const answer = this.request(request) as GetAnswer | null;
    if (!answer) {
      throw this.failed('ENOENT');
    }
    return answer;
  }

  private decode({ content, format }: GetAnswer): Uint8Array {
    try {
      if (format === 'base64') {
        return fromBase64(String(content ?? ''));
      }
      return new TextEncoder().encode(typeof content === 'string' ? content : JSON.stringify(content ?? ''));
    } catch (cause) {
      throw this.fail(cause);
    }
  }

  private encode(path: string, bytes: Uint8Array): string {
    if (bytes.length > WHOLE_BYTES) {
      const size = `${bytes.length} bytes, more than the ${WHOLE_BYTES} that this drive takes at once`;
      throw this.fail(new DriveError('EFBIG', `"${path}" has ${size}`));
    }
    try {
      return toBase64(bytes);
    } catch (cause) {
      throw this.fail(cause);
    }
  }

  private allocate(size: number): Uint8Array {
    try {
      return new Uint8Array(size);
    } catch (cause) {
      throw this.fail(cause);
    }
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
