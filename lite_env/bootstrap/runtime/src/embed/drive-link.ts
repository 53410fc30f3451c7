import type { DriveRequest } from '../drive/channel';
import { DRIVE_BYTES, SharedDriveHost, type DriveEnvelope } from '../drive/shared';
import { BootError } from '../errors';
import { newId } from '../ids';
import type { JupyterMessage, LinkSources } from '../protocol';
import type { ContentsManager, DriveOption, KernelOptions } from './api';
import { BrowserContents } from './browser-contents';
import { answerDrive } from './processor';
import { ServiceBridge } from './service';

const MOUNTPOINT = '/drive';

/**
 * The page's side of what a blocked kernel asks for: its drive, and `input()` where there is no shared memory. Shared
 * memory is taken where the page is cross-origin isolated, else the service worker; a server's drive needs neither.
 */
export class PageLink {
  private constructor(
    readonly sources: LinkSources,
    private readonly host: SharedDriveHost | null,
    private readonly bridge: ServiceBridge | null,
    private readonly owned: BrowserContents | null
  ) {}

  /** @throws BootError when the drive cannot be reached from this page. */
  static async open(options: KernelOptions): Promise<PageLink> {
    const { drive } = options;
    const common = { driveName: nameOf(drive), mountpoint: drive?.mountpoint ?? MOUNTPOINT, cwd: options.cwd ?? '' };
    const owned = drive?.kind === 'browser' ? await BrowserContents.open(drive.name) : null;
    const contents: ContentsManager | null = drive?.kind === 'contents' ? drive.contentsManager : owned;
    const answer = contents && ((request: DriveRequest) => answerDrive(contents, request));

    const shared = hasSharedMemory();
    const bridge = shared ? null : await ServiceBridge.open(options.serviceWorker, answer);
    const reached = bridge instanceof ServiceBridge ? bridge : null;
    const stdin = reached && { url: reached.stdinUrl, browsingContextId: reached.browsingContextId };

    if (drive?.kind === 'server') {
      return new PageLink({ drive: { ...common, ...serverSource(drive) }, stdin }, null, reached, null);
    }
    if (!answer) {
      return new PageLink({ drive: null, stdin }, null, reached, null);
    }
    if (shared) {
      const buffer = new SharedArrayBuffer(DRIVE_BYTES);
      const host = new SharedDriveHost(buffer, answer);
      return new PageLink({ drive: { ...common, kind: 'shared', buffer }, stdin: null }, host, null, owned);
    }
    if (!reached || !stdin) {
      owned?.close();
      throw unreachable(common.mountpoint, String(bridge));
    }
    const { browsingContextId } = reached;
    const source = { kind: 'xhr', url: reached.driveUrl, headers: {}, browsingContextId } as const;
    return new PageLink({ drive: { ...common, ...source }, stdin }, null, reached, owned);
  }

  /** Answer the worker's request over shared memory. */
  take(envelope: DriveEnvelope): void {
    void this.host?.take(envelope);
  }

  /** Whether the reply was taken: the service worker carries it. */
  answerInput(reply: JupyterMessage): boolean {
    this.bridge?.answerInput(reply);
    return this.bridge !== null;
  }

  /** The worker was ended; another one may follow. */
  reset(): void {
    this.bridge?.reset();
  }

  close(): void {
    this.bridge?.close();
    this.owned?.close();
  }
}

export function hasSharedMemory(): boolean {
  return typeof SharedArrayBuffer !== 'undefined' && globalThis.crossOriginIsolated;
}

/** The browser's storage is opened under its name; the others are told it with every path. */
function nameOf(drive: DriveOption | null | undefined): string {
  return (drive?.kind === 'browser' ? null : drive?.name) ?? '';
}

function serverSource({ url, token }: Extract<DriveOption, { kind: 'server' }>) {
  return {
    kind: 'xhr',
    url: new URL(url, location.href).href,
    headers: token === undefined ? {} : { 'X-Lite-Env-Token': token },
    browsingContextId: newId(),
  } as const;
}

function unreachable(mountpoint: string, reason: string): BootError {
  return new BootError('DriveFailed', `${mountpoint} refused: the kernel cannot reach this page's files: ${reason}`, {
    hint: 'serve the page with cross-origin isolation, or from https or localhost with its service worker',
  });
}
