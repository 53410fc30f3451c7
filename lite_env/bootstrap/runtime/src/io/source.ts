import type { Emit, Figures, Phase } from '../protocol';
import type { Transport } from './transport';
import { verify, verifySync, type Expected } from './verify';

const PROGRESS_INTERVAL_MS = 50;
/** Of a file's bytes: what is left then takes about the time in which the first answer to another request comes. */
const NEARLY = 0.95;

/**
 * The pack's files, checked against the manifest and counted. No file is asked for twice: who asks while it is under
 * way gets the same promise.
 */
export class Source {
  private requests = 0;
  private bytes = 0;
  private readonly underWay = new Map<string, Promise<Uint8Array>>();
  private readonly nearing = new Map<string, () => void>();
  private readonly started = performance.now();

  constructor(
    readonly transport: Transport,
    private readonly emit: Emit
  ) {}

  /** The manifest: the one file that nothing vouches for. */
  async readUnchecked(path: string, phase: Phase): Promise<Uint8Array> {
    const data = await this.transport.read(path, this.progress(phase, path, 0));
    this.count(data);
    return data;
  }

  read(expected: Expected, phase: Phase): Promise<Uint8Array> {
    let pending = this.underWay.get(expected.path);
    if (!pending) {
      pending = this.readOnce(expected, phase).finally(() => {
        this.underWay.delete(expected.path);
        this.nearing.get(expected.path)?.();
      });
      this.underWay.set(expected.path, pending);
    }
    return pending;
  }

  /** Resolves when of a file under way all but the last bytes are there, or it failed: time to ask for what follows. */
  nearly(path: string): Promise<void> {
    return this.underWay.has(path) ? new Promise(resolve => this.nearing.set(path, resolve)) : Promise.resolve();
  }

  /** Say how many bytes a file will be, before the first of them: whoever shows progress knows the sum. */
  announce({ path, size }: Expected, phase: Phase): void {
    this.emit({ type: 'progress', phase, file: path, loaded: 0, total: size });
  }

  readSync(expected: Expected): Uint8Array {
    const data = this.transport.readSync(expected.path);
    this.count(data);
    verifySync(data, expected);
    this.transport.keep?.(expected.path, data);
    this.emit({ type: 'progress', phase: 'archive', file: expected.path, loaded: data.length, total: data.length });
    return data;
  }

  figures(files: number): Figures {
    return {
      requests: this.requests,
      bytes: this.bytes,
      files,
      seconds: (performance.now() - this.started) / 1000,
    };
  }

  private async readOnce(expected: Expected, phase: Phase): Promise<Uint8Array> {
    const { path, size } = expected;
    const progress = this.progress(phase, path, size);
    this.announce(expected, phase);
    let data = await this.transport.read(path, progress);
    try {
      await verify(data, expected);
    } catch (error) {
      if (!(await this.transport.forget?.(path))) {
        throw error;
      }
      data = await this.transport.read(path, progress);
      await verify(data, expected);
    }
    this.count(data);
    this.transport.keep?.(path, data);
    return data;
  }

  private count(data: Uint8Array): void {
    this.requests += 1;
    this.bytes += data.length;
  }

  private progress(phase: Phase, file: string, size: number): (loaded: number) => void {
    let last = 0;
    return loaded => {
      if (loaded >= size * NEARLY) {
        this.nearing.get(file)?.();
      }
      const now = performance.now();
      if (now - last >= PROGRESS_INTERVAL_MS || loaded === size) {
        last = now;
        this.emit({ type: 'progress', phase, file, loaded, total: size || loaded });
      }
    };
  }
}
