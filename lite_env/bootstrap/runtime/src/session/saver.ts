import type { Booted } from '../boot';
import type { Emit, JupyterMessage, Shipped } from '../protocol';
import { HARMLESS } from '../snapshot/harmless';
import type { Snapshots } from '../snapshot/snapshots';

/** Milliseconds without a message after which a kernel counts as resting. */
const REST_MS = 600;
const RESTORED = 'it was restored itself';

/**
 * Sees to the snapshots of one kernel: makes one while it rests and its user has done nothing yet, and throws away the one
 * that it was restored from when it breaks down.
 */
export class Saver {
  private snapshots: Snapshots | null = null;
  private booted: Booted | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private touched = false;
  private said = false;

  constructor(
    private readonly emit: Emit,
    /** Resolves when nothing is left to do. */
    private readonly idle: () => Promise<void>,
    private readonly restMs = REST_MS
  ) {}

  /** The kernel is ready. */
  watch(snapshots: Snapshots, booted: Booted): void {
    this.snapshots = snapshots;
    this.booted = booted;
    this.rest();
  }

  /** The kernel is about to get a message. */
  note({ header }: JupyterMessage): void {
    this.touched ||= !HARMLESS.has(header.msg_type);
    clearTimeout(this.timer);
  }

  /** It has dealt with the message; a process that ends next must not leave the snapshot in doubt. */
  async handled(): Promise<void> {
    await this.snapshots?.settled();
    this.rest();
  }

  /** It broke down. */
  broken(): void {
    if (this.booted?.saving === null) {
      void this.snapshots?.drop();
    }
    this.booted = null;
  }

  /** Make one at once, with what is to be preloaded, of a kernel that was started for it; why that did not come about. */
  async make(snapshots: Snapshots, { saving, preloading }: Booted): Promise<string | null> {
    if (saving === null || typeof saving === 'string') {
      return saving ?? RESTORED;
    }
    return preloading ? snapshots.makeWith(preloading, saving) : snapshots.make(saving);
  }

  /** The same for a pack to ship, `withModules` or as the kernel starts. */
  async ship(snapshots: Snapshots, { saving, preloading, archivesOf }: Booted, withModules: boolean): Promise<Shipped | string> {
    if (saving === null || typeof saving === 'string') {
      return saving ?? RESTORED;
    }
    const made = await snapshots.ship(saving, withModules ? preloading : null);
    return typeof made === 'string' ? made : { archives: archivesOf(made.needs), without: made.without };
  }

  private rest(): void {
    clearTimeout(this.timer);
    if (this.snapshots && this.booted && !this.said) {
      this.timer = setTimeout(() => void this.act(), this.restMs);
    }
  }

  private async act(): Promise<void> {
    const { snapshots, booted, timer } = this;
    await this.idle();
    if (!snapshots || !booted || timer !== this.timer) {
      return; // A message came meanwhile, and is followed by another rest.
    }
    this.said = true;
    const { saving } = booted;
    if (saving === null) {
      if (await snapshots.adopt()) {
        this.emit({ type: 'snapshot', made: true });
      }
    } else if (!this.touched) {
      // Its user goes on with it: nothing is imported.
      this.emit({ type: 'snapshot', made: typeof saving !== 'string' && (await snapshots.make(saving)) === null });
    }
  }
}
