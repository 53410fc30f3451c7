import type { Emit, Figures, Phase } from '../protocol';
import { BootError } from '../errors';
import { plainOf } from './plain';
import { mayBeGone, whyGone, type ManifestNow } from './redeployed';
import type { How, Transport } from './transport';
import { Turns } from './turns';
import { verify, verifySync, type Compressed, type Expected } from './verify';

const PROGRESS_INTERVAL_MS = 50;
/** Of a file's bytes: what is left then takes about the time in which the first answer to another request comes. */
const NEARLY = 0.95;
/**
 * Archives asked for at once. A browser has six connections to a server of HTTP/1.1, and while the worker blocks none of
 * them comes to its end: a blocking read needs one that is free.
 */
const ARCHIVES_AT_ONCE = 4;

/** A request that has not ended. */
interface UnderWay {
  readonly promise: Promise<Uint8Array>;
  /** End it with bytes that came another way. */
  overtake(data: Uint8Array): void;
}

/**
 * Whether a wrong answer may be an old one: a copy in some cache, which may hold a page, an error or half a file for a
 * year when the server calls all its answers immutable. So it is asked for once more, past every cache.
 */
function mayBeStale(error: unknown): boolean {
  return error instanceof BootError && !['NetworkFailed', 'Offline'].includes(error.name);
}

/**
 * The pack's files, checked against the manifest and counted. No file is asked for twice: who asks while it is under
 * way gets the same promise.
 */
export class Source {
  private requests = 0;
  private bytes = 0;
  private readonly underWay = new Map<string, UnderWay>();
  /** Modules that are looked for among what is kept. */
  private readonly sought = new Set<string>();
  private readonly nearing = new Map<string, () => void>();
  private readonly archiveTurns = new Turns(ARCHIVES_AT_ONCE);
  private readonly started = performance.now();
  /** What the page runs by: path and content. */
  private manifest: { readonly path: string; readonly data: Uint8Array } | null = null;

  constructor(
    readonly transport: Transport,
    private readonly emit: Emit
  ) {}

  /** The manifest: the one file that nothing vouches for. */
  async readUnchecked(path: string, phase: Phase): Promise<Uint8Array> {
    const data = await this.transport.read(path, this.progress(phase, path, 0));
    this.progress(phase, path, data.length)(data.length);
    this.count(data);
    this.manifest = { path, data };
    return data;
  }

  read(expected: Expected, phase: Phase): Promise<Uint8Array> {
    return (this.underWay.get(expected.path) ?? this.begin(expected, phase)).promise;
  }

  /** A module as an earlier visit left it; null where its file must be read, which who asked does at once. */
  async module(file: Compressed, phase: Phase): Promise<WebAssembly.Module | null> {
    const { path, size } = file;
    this.sought.add(path);
    this.announce(file, phase);
    const module = (await this.transport.module?.(plainOf(file)).catch(() => null)) ?? null;
    this.sought.delete(path);
    if (module) {
      this.requests += 1;
      this.bytes += size;
      this.progress(phase, path, size)(size);
    }
    return module;
  }

  /** Resolves when of a file under way all but the last bytes are there, or it failed: time to ask for what follows. */
  nearly(path: string): Promise<void> {
    return this.underWay.has(path) || this.sought.has(path) ? new Promise(resolve => this.nearing.set(path, resolve)) : Promise.resolve();
  }

  /** Say how many bytes a file will be, before the first of them: whoever shows progress knows the sum. */
  announce({ path, size }: Expected, phase: Phase): void {
    this.emit({ type: 'progress', phase, file: path, loaded: 0, total: size });
  }

  /** Tell who shows progress that a file is here that came another way. */
  here(file: Expected, phase: Phase): void {
    this.progress(phase, file.path, file.size)(file.size);
    this.nearing.get(file.path)?.();
  }

  /** While the caller blocks; who waits for the same file gets these bytes, and its own request ends. */
  readSync(expected: Expected): Uint8Array {
    const data = this.readCheckedSync(expected);
    this.transport.keep?.(expected, data);
    this.underWay.get(expected.path)?.overtake(data);
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

  private begin(expected: Expected, phase: Phase): UnderWay {
    const { path } = expected;
    const abort = new AbortController();
    let overtake: (data: Uint8Array) => void = () => undefined;
    const overtaken = new Promise<Uint8Array>(resolve => {
      overtake = data => {
        resolve(data);
        abort.abort();
      };
    });
    this.announce(expected, phase);
    const read = () => (abort.signal.aborted ? overtaken : this.readOnce(expected, phase, abort.signal));
    const reading = phase === 'archive' ? this.archiveTurns.take(read) : read();
    const promise = Promise.race([overtaken, reading]).finally(() => {
      this.underWay.delete(path);
      this.nearing.get(path)?.();
    });
    const pending = { promise, overtake };
    this.underWay.set(path, pending);
    return pending;
  }

  private async readOnce(expected: Expected, phase: Phase, signal: AbortSignal): Promise<Uint8Array> {
    const told = this.progress(phase, expected.path, expected.size);
    // What is still under way of a request that was ended says nothing of a file that is there.
    const progress = (loaded: number) => (signal.aborted ? undefined : told(loaded));
    const attempt = async (how: How) => {
      const data = await this.transport.read(expected.path, progress, how);
      this.count(data);
      await verify(data, expected);
      return data;
    };
    const data = await attempt({ signal }).catch((error: unknown) => {
      if (signal.aborted || !mayBeStale(error)) {
        throw error;
      }
      return attempt({ signal, anew: true }).catch(async (again: unknown) => {
        throw mayBeGone(again) ? whyGone(again, this.manifest?.data ?? null, await this.manifestNow()) : again;
      });
    });
    if (!signal.aborted) {
      this.transport.keep?.(expected, data);
    }
    return data;
  }

  private readCheckedSync(expected: Expected): Uint8Array {
    const attempt = (how: How) => {
      const data = this.transport.readSync(expected.path, { ...how, size: expected.size });
      this.count(data);
      verifySync(data, expected);
      return data;
    };
    try {
      return attempt({ apart: this.underWay.has(expected.path) });
    } catch (error) {
      if (!mayBeStale(error)) {
        throw error;
      }
    }
    try {
      return attempt({ anew: true });
    } catch (error) {
      throw mayBeGone(error) ? whyGone(error, this.manifest?.data ?? null, this.manifestNowSync()) : error;
    }
  }

  private async manifestNow(): Promise<ManifestNow> {
    try {
      return this.manifest && (await this.transport.read(this.manifest.path, undefined, { anew: true }));
    } catch (error) {
      return error instanceof BootError ? error : null;
    }
  }

  private manifestNowSync(): ManifestNow {
    try {
      return this.manifest && this.transport.readSync(this.manifest.path, { anew: true });
    } catch (error) {
      return error instanceof BootError ? error : null;
    }
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
