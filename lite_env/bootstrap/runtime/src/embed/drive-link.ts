import type { DriveEnvelope } from '../drive/channel';
import { DriveDesk } from '../drive/desk';
import { DRIVE_BYTES, SharedDriveHost } from '../drive/shared';
import { BootError } from '../errors';
import { newId } from '../ids';
import type { DriveSource, JupyterMessage, LinkSources } from '../protocol';
import type { ContentsManager, DriveOption, KernelOptions } from './api';
import { BrowserContents } from './browser-contents';
import { answerDrive } from './processor';
import { ServiceBridge } from './service';

/**
 * The page's side of what a blocked kernel asks for: its drive, and `input()` where there is no shared memory. Shared
 * memory is taken where the page is cross-origin isolated, else the service worker; a server's drive needs neither.
 */
export class PageLink {
  private host: SharedDriveHost | null = null;
  private readonly id = newId();
  private generation = 0;

  private constructor(
    private readonly drive: DrivePlan | null,
    private readonly bridge: ServiceBridge | null,
    private readonly owned: BrowserContents | null
  ) {}

  /** @throws BootError when the drive cannot be reached from this page. */
  static async open(options: KernelOptions): Promise<PageLink> {
    const { drive } = options;
    const common = { driveName: nameOf(drive), mountpoint: drive?.mountpoint, cwd: options.cwd ?? '' };
    const owned = drive?.kind === 'browser' ? await BrowserContents.open(drive.name, drive) : null;
    const contents: ContentsManager | null = drive?.kind === 'contents' ? drive.contentsManager : owned;
    const drop = async (upload: string) => contents?.dropUpload?.(upload);
    const desk = contents && new DriveDesk(request => answerDrive(contents, request), { drop });

    const shared = hasSharedMemory();
    const bridge = shared ? null : await ServiceBridge.open(options.serviceWorker, desk);
    const reached = bridge instanceof ServiceBridge ? bridge : null;

    if (drive?.kind === 'server') {
      return new PageLink({ ...common, server: serverOf(drive) }, reached, null);
    }
    if (!desk) {
      return new PageLink(null, reached, null);
    }
    if (!shared && !reached) {
      owned?.close();
      throw unreachable(common.mountpoint ?? 'the drive', String(bridge));
    }
    return new PageLink({ ...common, desk }, reached, owned);
  }

  /** Whether `input()` can be answered where no memory is shared. */
  get carriesInput(): boolean {
    return this.bridge !== null;
  }

  /** Before a worker is told anything: what it asks gets to this page. `running` is settled once it runs. */
  async reach(running: Promise<void>): Promise<void> {
    await this.bridge?.claim(running);
  }

  /**
   * What a new worker is told. Memory and ids are its own: what the worker before it still asks for, or is answered
   * late, does not get to this one.
   */
  begin(): LinkSources {
    const { bridge } = this;
    bridge?.begin();
    const stdin = bridge && { url: bridge.stdinUrl, browsingContextId: bridge.browsingContextId };
    return { drive: this.drive && this.driveFor(this.drive), stdin };
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

  /** The cell is over: nothing that it has asked is asked again. */
  forgetInput(): void {
    this.bridge?.forgetInput();
  }

  close(): void {
    this.bridge?.close();
    void this.drive?.desk?.retire().then(() => this.owned?.close());
  }

  private driveFor({ desk, server, ...common }: DrivePlan): DriveSource {
    if (server) {
      return { ...common, kind: 'xhr', ...server, browsingContextId: this.id, generation: (this.generation += 1) };
    }
    if (this.bridge) {
      const { driveUrl: url, browsingContextId } = this.bridge;
      return { ...common, kind: 'xhr', url, headers: {}, browsingContextId };
    }
    const buffer = new SharedArrayBuffer(DRIVE_BYTES);
    this.host = new SharedDriveHost(buffer, desk as DriveDesk);
    return { ...common, kind: 'shared', buffer };
  }
}

/** A drive, before it is known which worker asks. */
interface DrivePlan {
  readonly driveName: string;
  readonly mountpoint: string | undefined;
  readonly cwd: string;
  /** Of contents that live in the page. */
  readonly desk?: DriveDesk;
  readonly server?: { readonly url: string; readonly headers: Readonly<Record<string, string>> };
}

export function hasSharedMemory(): boolean {
  return typeof SharedArrayBuffer !== 'undefined' && globalThis.crossOriginIsolated;
}

/** The browser's storage is opened under its name; the others are told it with every path. */
function nameOf(drive: DriveOption | null | undefined): string {
  return (drive?.kind === 'browser' ? null : drive?.name) ?? '';
}

function serverOf({ url, token }: Extract<DriveOption, { kind: 'server' }>) {
  const headers: Record<string, string> = token === undefined ? {} : { 'X-Lite-Env-Token': token };
  return { url: new URL(url, location.href).href, headers };
}

function unreachable(drive: string, reason: string): BootError {
  return new BootError('DriveFailed', `${drive} refused: the kernel cannot reach this page's files: ${reason}`, {
    hint: 'serve the page with cross-origin isolation, or from https or localhost with its service worker',
  });
}
