/**
 * Has a second worker make the snapshot that has modules imported, which a kernel with a user never becomes: while the
 * page's own has nothing to do, and no longer than that.
 */
import { describe } from '../errors';
import type { Figures, FromWorker, JupyterMessage, ToWorker } from '../protocol';
import { HARMLESS } from '../snapshot/harmless';
import { wantsPreload } from '../snapshot/wanted';
import type { SnapshotHint } from './snapshot-hint';

type Start = Extract<ToWorker, { type: 'start' }>;

/** Milliseconds for which nobody has wanted anything of the kernel. */
const IDLE_MS = 4_000;
/** How often a page begins anew, having been disturbed; and how many pages in a row may come to no end over it. */
const MOST_TRIES = 3;

/** What of a worker is used. */
export type MakingWorker = Pick<Worker, 'postMessage' | 'terminate' | 'addEventListener'>;

export class PreloadMaker {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private worker: MakingWorker | null = null;
  private isBusy = false;
  private tries = 0;
  private over = false;

  /** `start` is what the page's own kernel was started with. */
  constructor(
    private readonly start: Start,
    private readonly createWorker: () => MakingWorker,
    private readonly hint: Pick<SnapshotHint, 'set' | 'tries'>,
    private readonly log: (text: string) => void,
    private readonly idleMs = IDLE_MS
  ) {}

  /** The kernel is ready, and came as `figures` say. */
  ready(figures: Figures): void {
    this.over = !wantsPreload(figures.snapshot) || this.hint.tries >= MOST_TRIES;
    this.rest();
  }

  /** The kernel is about to get a message: what its user wants comes first. */
  asked({ header }: JupyterMessage): void {
    if (!HARMLESS.has(header.msg_type)) {
      this.stop();
      this.rest();
    }
  }

  /** The kernel has said something. */
  said({ content }: JupyterMessage): void {
    this.isBusy = (content?.['execution_state'] ?? (this.isBusy ? 'busy' : 'idle')) === 'busy';
    if (!this.worker) {
      this.rest();
    }
  }

  /** The kernel has ended. */
  end(): void {
    this.over = true;
    this.stop();
  }

  private rest(): void {
    clearTimeout(this.timer);
    if (!this.over && !this.worker) {
      this.timer = setTimeout(() => this.isBusy || this.begin(), this.idleMs);
    }
  }

  private stop(): void {
    clearTimeout(this.timer);
    if (this.worker) {
      this.worker.terminate();
      this.worker = null;
      this.hint.tries -= 1;
      this.over ||= this.tries >= MOST_TRIES;
    }
  }

  private begin(): void {
    this.tries += 1;
    this.hint.tries += 1;
    try {
      const worker = this.createWorker();
      this.worker = worker;
      const unlessStopped = (act: () => void) => worker === this.worker && act();
      worker.addEventListener('message', event => unlessStopped(() => this.take((event as MessageEvent<FromWorker>).data)));
      worker.addEventListener('error', event => {
        event.preventDefault();
        unlessStopped(() => this.finish());
      });
      const alone = { shared: null, pulse: null, awaitsDrive: false, prefetch: 'none', snapshotKept: false } as const;
      worker.postMessage({ ...this.start, ...alone, makeSnapshot: true } satisfies Start);
    } catch (error) {
      this.log(`no snapshot with preloaded modules is made: ${describe(error)}`);
      this.finish();
    }
  }

  private take(envelope: FromWorker): void {
    if (envelope.type === 'log') {
      this.log(envelope.text);
    } else if (envelope.type === 'snapshot') {
      if (envelope.made) {
        this.hint.set(true);
      }
      this.finish();
    } else if (envelope.type === 'error' && envelope.fatal) {
      this.log(`no snapshot with preloaded modules is made: ${envelope.error.message}`);
      this.finish();
    }
  }

  private finish(): void {
    this.over = true;
    this.hint.tries = 0;
    this.worker?.terminate();
    this.worker = null;
  }
}
