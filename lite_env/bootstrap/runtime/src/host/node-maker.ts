/** Makes in Node the snapshot that a kernel which got its first cell at once had no time to be. */
import type { Worker } from 'node:worker_threads';
import type { Emit, FromWorker, ToWorker } from '../protocol';
import { wantsPreload, wantsSnapshot } from '../snapshot/wanted';

type Start = Extract<ToWorker, { type: 'start' }>;

export class NodeMaker {
  private start: Start | null = null;
  /** Whether the next start could have one, and has none. */
  private wanted = false;
  /** Whether it could have one with modules in it, which the kernel itself never becomes. */
  private wantsPreload = false;
  private withoutPreload = '';

  constructor(
    private readonly startWorker: () => Worker,
    private readonly emit: Emit
  ) {}

  /** Learn from what goes between host and worker. */
  note(envelope: FromWorker | Start): void {
    if (envelope.type === 'start') {
      this.start = envelope;
    } else if (envelope.type === 'ready') {
      const { snapshot } = envelope.figures;
      this.wanted = wantsSnapshot(snapshot);
      this.wantsPreload = wantsPreload(snapshot);
      this.withoutPreload = snapshot?.preload.why ?? '';
    } else if (envelope.type === 'snapshot') {
      this.wanted &&= !envelope.made || this.wantsPreload;
    }
  }

  /** Start the kernel once more, for that alone; whether one was made is said in a `snapshot`. */
  make(): void {
    const { start, wanted, withoutPreload } = this;
    if (!start || !wanted) {
      this.emit({ type: 'snapshot', made: false });
      return;
    }
    const worker = this.startWorker();
    let told = false;
    const end = (made: boolean) => {
      if (!told) {
        told = true;
        this.emit({ type: 'snapshot', made });
        void worker.terminate();
      }
    };
    worker.on('message', (envelope: FromWorker) => {
      if (envelope.type === 'snapshot') {
        end(envelope.made);
      } else if (envelope.type === 'log') {
        this.emit(envelope);
      } else if (envelope.type === 'error') {
        this.emit({ type: 'log', level: 'info', text: `no snapshot of this kernel is made: ${envelope.error.message}` });
        end(false);
      }
    });
    worker.on('error', () => end(false));
    worker.on('exit', () => end(false));
    const quietly = { awaitsDrive: false, prefetch: 'none', network: [], withoutPreload } as const;
    worker.postMessage({ ...start, ...quietly, makeSnapshot: true } satisfies Start);
  }
}
