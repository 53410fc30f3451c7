import type { Kernel } from '../embed/api';
import { AllDrives, folderOf } from './contents';
import type { HostContents, ServiceWorkerManager, SignalClass } from './host-types';
import type { Feedback, KernelHost, LiteKernel, Reached } from './kernel';
import { untilControlled } from './service-wait';
import type { Starter, StartOptions } from './starter';

export function hasSharedMemory(): boolean {
  return typeof SharedArrayBuffer !== 'undefined' && globalThis.crossOriginIsolated;
}

/** The page as its kernels know it. */
export class PageHost implements KernelHost {
  /** Kernels that live, by id. */
  readonly kernels = new Map<string, LiteKernel>();

  constructor(
    readonly Signal: SignalClass,
    readonly feedback: Feedback,
    private readonly starter: Starter,
    private readonly contents: HostContents,
    private readonly service: ServiceWorkerManager | null
  ) {}

  start(name: string, options: StartOptions): Promise<Kernel> {
    return this.starter.start(name, options);
  }

  forget(kernel: LiteKernel): void {
    if (this.kernels.get(kernel.id) === kernel) {
      this.kernels.delete(kernel.id);
    }
  }

  async reach(location: string): Promise<Reached> {
    const { serviceWorker } = navigator as { serviceWorker?: ServiceWorkerContainer };
    const reason = hasSharedMemory() ? null : await untilControlled(this.service, serviceWorker);
    if (reason !== null) {
      const trouble = `lite-env: this kernel has no /drive and no input(): ${reason}. What to do: ${REACH}.`;
      return { drive: null, cwd: '', trouble };
    }
    const drive = { kind: 'contents', contentsManager: new AllDrives(this.contents) } as const;
    const folder = folderOf(location, this.contents);
    const isThere = folder === '' || (await this.isFolder(folder));
    const trouble = isThere ? null : `lite-env: /drive has no folder "${folder}" any more; the kernel starts in /drive`;
    return { drive, cwd: isThere ? folder : '', trouble };
  }

  private async isFolder(path: string): Promise<boolean> {
    try {
      return (await new AllDrives(this.contents).get(path, { content: false })).type === 'directory';
    } catch {
      return false;
    }
  }
}

const REACH = 'serve the site from https or localhost, with its service worker or with cross-origin isolation, and reload';
