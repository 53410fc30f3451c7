/** The page's kernel, by the embedding API. */
import { createKernel, type Ahead, type DriveOption, type Kernel, type Progress } from '../embed/index';
import type { Choice, DriveChoice, PageConfig } from './config';
import { areWanted } from '../snapshot/wanted';
import { MOUNTPOINT } from './files';
import { siteStorage } from './site-storage';

declare global {
  /** What index.html has begun before this script was there, for the manifest at `url`. */
  var liteEnvAhead: (Ahead & { readonly url: string }) | undefined;
}

export interface StartOptions {
  readonly config: PageConfig;
  readonly choice: Choice;
  /** What `lite-env serve` knows its page by. */
  readonly token: string | null;
  /** Whether the kernel gets the page's drive. */
  readonly withDrive: boolean;
  readonly onProgress: (progress: Progress) => void;
}

/** @throws KernelError */
export function startKernel({ config, choice, token, withDrive, onProgress }: StartOptions): Promise<Kernel> {
  return createKernel({
    manifest: choice.environment.manifest,
    ...(choice.kernel && { kernel: choice.kernel.name, worker: choice.kernel.worker }),
    drive: withDrive ? driveOption(config.drive, token) : null,
    runtime: config.runtime,
    serviceWorker: config.serviceWorker,
    snapshots: areWanted(config.snapshots),
    ahead: takeAhead(choice.environment.manifest),
    onProgress,
    onLog: (level, text) => console[level](text),
  });
}

/** The worker is anybody's, once; the manifest only its environment's. */
function takeAhead(manifest: string): Ahead | null {
  const ahead = globalThis.liteEnvAhead;
  globalThis.liteEnvAhead = undefined;
  return ahead ? { ...ahead, manifest: ahead.url === manifest ? (ahead.manifest ?? null) : null } : null;
}

function driveOption(drive: DriveChoice, token: string | null): DriveOption | null {
  switch (drive.kind) {
    case 'none':
      return null;
    case 'browser':
      return { kind: 'browser', mountpoint: MOUNTPOINT, ...siteStorage(drive.name, location) };
    case 'server':
      return { kind: 'server', url: drive.url, name: drive.name, ...(token !== null && { token }) };
  }
}
