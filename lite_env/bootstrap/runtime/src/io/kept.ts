/**
 * Keeps the pack's files in the browser, under their URLs in the Cache API, so that a second visit moves nothing but
 * the manifest and starts with the server dead.
 *
 * Files are put there when the kernel rests and only after their check; the manifest comes last, so that the kept one
 * never names what the start needed and the cache lacks. What the manifest no longer names is dropped. Blocked
 * storage, a full disk and an insecure page are survived: they are told once, and the network serves.
 */
import { BootError, describe, type Failure } from '../errors';
import { MANIFEST, parseManifest } from '../pack/manifest';
import { resolvePath } from './browser';
import type { FromWorker } from '../protocol';
import { release } from '../release';
import { alone, response, type KeptCache } from './cache';
import { sha256Hex } from './digest';
import { outdated } from './outdated';
import type { How, Transport } from './transport';
import { verify, type Expected, type Plain } from './verify';
import { compile, compileAnswer } from './wasm';

/** Bytes that may wait in memory for the kernel's rest; more are read again then, as a rule from the HTTP cache. */
const WAITING_BYTES = 16 * 1024 * 1024;
/** Milliseconds without a message after which an idle kernel counts as resting. */
const REST_MS = 400;

export interface KeptOptions {
  /** URL of the pack's folder. */
  readonly base: string;
  /** Opens the cache; a rejection means that this page may not keep anything. */
  open(): Promise<KeptCache>;
  /** Told once, after the start, when nothing can be kept. */
  refused(failure: Failure): void;
  /** What is in the manifest, where somebody has just fetched it. */
  readonly manifest?: Uint8Array | null;
  readonly restMs?: number;
  readonly waitingBytes?: number;
}

/** A checked file that is not in the cache yet. */
interface Waiting {
  readonly file: Expected;
  /** Null where it would be too much to hold. */
  readonly data: Uint8Array | null;
}

/** A transport whose files come from the cache first. */
export class KeptTransport implements Transport {
  private cache: Promise<KeptCache | null> | null = null;
  /** URLs that the cache has. */
  private urls = new Set<string>();
  /** By path. */
  private readonly waiting = new Map<string, Waiting>();
  private waitingBytes = 0;
  /** The path that is being read again to be kept. */
  private again: string | null = null;
  private manifest: Uint8Array | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private writing: Promise<void> = Promise.resolve();
  private refused = false;
  private refusal: Failure | null = null;
  private started = false;
  private busy = false;

  constructor(
    private readonly network: Transport,
    private readonly options: KeptOptions
  ) {}

  async read(path: string, onProgress?: (loaded: number) => void, how: How = {}): Promise<Uint8Array> {
    if (path === MANIFEST) {
      // Anew it is wanted as it is now, and not as what we run by.
      return how.anew ? this.network.read(path, onProgress, how) : this.readManifest(onProgress);
    }
    if (how.anew) {
      this.forget(path);
      return this.network.read(path, onProgress, how);
    }
    const kept = this.waiting.get(path)?.data ?? (await this.fromCache(path));
    if (kept) {
      onProgress?.(kept.length);
      return kept;
    }
    return this.network.read(path, onProgress, how);
  }

  /** Where a service worker is in charge it looks into the cache; else the HTTP cache or the network serve. */
  readSync(path: string, how: How = {}): Uint8Array {
    if (how.anew && path !== MANIFEST) {
      this.forget(path);
    }
    const apart = how.apart || path === this.again;
    return this.waiting.get(path)?.data ?? this.network.readSync(path, { ...how, apart });
  }

  async module(plain: Plain): Promise<WebAssembly.Module | null> {
    if (!(await this.opened()) || !this.urls.has(this.url(plain.path))) {
      return null;
    }
    const compiling = compileAnswer(this.url(plain.path));
    compiling.catch(() => undefined); // No service worker of ours: the bytes that are hashed are compiled.
    const data = await this.fromCache(plain.path);
    if (!data || (await sha256Hex(data)) !== plain.sha256) {
      this.forget(plain.path);
      return null;
    }
    const module = await compiling.catch(() => compile(data, plain.path));
    release(data);
    return module;
  }

  kept(path: string): Promise<Uint8Array | null> {
    return this.fromCache(path);
  }

  evaluate(code: Uint8Array, path: string): void {
    this.network.evaluate(code, path);
  }

  importModule(code: Uint8Array, path: string): Promise<Readonly<Record<string, unknown>>> {
    return this.network.importModule(code, path);
  }

  /** Take bytes that passed their check, to be written when the kernel rests. */
  keep(file: Expected, data: Uint8Array): void {
    const { path } = file;
    if (this.refused || this.urls.has(this.url(file.keepAs?.path ?? path)) || this.waiting.has(path)) {
      return;
    }
    const fits = this.waitingBytes + data.length <= (this.options.waitingBytes ?? WAITING_BYTES);
    this.waitingBytes += fits ? data.length : 0;
    this.waiting.set(path, { file, data: fits ? data : null });
    if (this.started && !this.busy) {
      this.rest(); // No message follows what is loaded ahead.
    }
  }

  /** Drop what failed its check, before anything is written. */
  private forget(path: string): void {
    this.letGo(path);
    const url = this.url(path);
    this.urls.delete(url);
    this.writing = this.writing.then(async () => {
      const cache = await this.opened();
      this.urls.delete(url);
      await this.attempt(async () => cache?.delete(url));
    });
  }

  private letGo(path: string): void {
    this.waitingBytes -= this.waiting.get(path)?.data?.length ?? 0;
    this.waiting.delete(path);
  }

  /** Told of all that the worker says: what waits is written once the kernel is idle and says nothing for a while. */
  note(envelope: FromWorker): void {
    if (envelope.type === 'message') {
      const state = envelope.message.content?.['execution_state'];
      this.busy = typeof state === 'string' ? state === 'busy' : this.busy;
    } else if (envelope.type !== 'ready') {
      return;
    }
    // What a cell takes of the link and of memory comes first.
    this.busy ? clearTimeout(this.timer) : this.rest();
  }

  /** The kernel is ready, and idle. */
  rest(): void {
    this.started = true;
    this.tellRefusal();
    clearTimeout(this.timer);
    if (!this.refused && (this.waiting.size > 0 || this.manifest !== null)) {
      this.timer = setTimeout(() => void this.flush(), this.options.restMs ?? REST_MS);
    }
  }

  /** Write what waits, then the manifest, then drop what it does not name. */
  flush(): Promise<void> {
    this.writing = this.writing.then(() => this.write());
    return this.writing;
  }

  private async write(): Promise<void> {
    const cache = await this.opened();
    if (!cache || !this.started) {
      return;
    }
    await this.attempt(() => alone(() => this.writeAlone(cache)));
  }

  private async writeAlone(cache: KeptCache): Promise<void> {
    try {
      await this.store(cache);
    } catch (error) {
      if (!this.manifest || (error as Error).name !== 'QuotaExceededError') {
        throw error;
      }
      // What an earlier deployment left may be what fills the disk.
      await this.drop(cache, this.manifest);
      await this.store(cache);
    }
    // It promises a start without a server: not before all is there.
    if (this.manifest && this.waiting.size === 0) {
      await cache.put(this.url(MANIFEST), response(MANIFEST, this.manifest));
      await this.drop(cache, this.manifest);
      this.manifest = null;
    }
  }

  private async store(cache: KeptCache): Promise<void> {
    for (const [path, { file, data }] of this.waiting) {
      const bytes = data ?? (await this.readAgain(file));
      if (bytes) {
        await this.put(cache, file, bytes);
        this.letGo(path);
      }
    }
  }

  private async put(cache: KeptCache, { path, keepAs }: Expected, data: Uint8Array): Promise<void> {
    const [place, bytes] = keepAs ? [keepAs.path, await keepAs.inflate(data)] : [path, data];
    await cache.put(this.url(place), response(place, bytes));
    if (bytes !== data) {
      release(bytes);
    }
    this.urls.add(this.url(place));
    if (place !== path && this.urls.delete(this.url(path))) {
      await cache.delete(this.url(path));
    }
  }

  /** What was too much to hold; null where it cannot be had now, and is tried again at the next rest. */
  private async readAgain(file: Expected): Promise<Uint8Array | null> {
    this.again = file.path;
    try {
      const data = await this.network.read(file.path);
      await verify(data, file);
      return data;
    } catch (error) {
      if (error instanceof BootError) {
        return null;
      }
      throw error;
    } finally {
      this.again = null;
    }
  }

  private async drop(cache: KeptCache, manifest: Uint8Array): Promise<void> {
    const urls = (await cache.keys()).map(({ url }) => url);
    const read = async (url: string) => new Uint8Array((await (await cache.match(url))?.arrayBuffer()) ?? []);
    for (const url of await outdated(this.options.base, parseManifest(manifest), { urls, read })) {
      await cache.delete(url);
      this.urls.delete(url);
    }
  }

  private async readManifest(onProgress?: (loaded: number) => void): Promise<Uint8Array> {
    try {
      const handed = this.options.manifest;
      const data = handed ?? (await this.network.read(MANIFEST, onProgress));
      onProgress?.(data.length);
      this.manifest = data;
      return data;
    } catch (error) {
      // A server that answers is believed, also when it says that the pack is gone.
      const silent = ['NetworkFailed', 'Offline'].includes((error as Error).name);
      const kept = silent ? await this.fromCache(MANIFEST) : null;
      if (!kept) {
        throw error;
      }
      onProgress?.(kept.length);
      return kept;
    }
  }

  private async fromCache(path: string): Promise<Uint8Array | null> {
    const cache = await this.opened();
    const url = this.url(path);
    if (!cache || !this.urls.has(url)) {
      return null;
    }
    const found = await this.attempt(() => cache.match(url));
    if (!found) {
      this.urls.delete(url); // Somebody emptied the cache: it is to be kept again.
      return null;
    }
    const data = await this.attempt(() => found.arrayBuffer());
    return data ? new Uint8Array(data) : null;
  }

  /** Opened at the first need, with its list of URLs: what it lacks costs no further look. */
  private opened(): Promise<KeptCache | null> {
    this.cache ??= this.attempt(async () => {
      const cache = await this.options.open();
      this.urls = new Set((await cache.keys()).map(({ url }) => url));
      return cache;
    });
    return this.cache;
  }

  private async attempt<T>(action: () => Promise<T>): Promise<T | null> {
    try {
      return await action();
    } catch (error) {
      this.refuse(error);
      return null;
    }
  }

  private refuse(error: unknown): void {
    this.waiting.clear();
    this.waitingBytes = 0;
    this.manifest = null;
    if (!this.refused) {
      this.refused = true;
      this.refusal = refusalOf(error);
    }
    if (this.started) {
      this.tellRefusal();
    }
  }

  private tellRefusal(): void {
    if (this.refusal) {
      this.options.refused(this.refusal);
      this.refusal = null;
    }
  }

  private url(path: string): string {
    return resolvePath(path, this.options.base);
  }
}

function refusalOf(error: unknown): Failure {
  const isFull = (error as Error | null)?.name === 'QuotaExceededError';
  return {
    name: 'StorageRefused',
    message: `the browser keeps no files of this site, and the next visit will load them again: ${describe(error)}`,
    file: null,
    hint: isFull
      ? 'free space on the disk, or remove the data of other sites from the browser'
      : 'allow this site to store data, or use an ordinary window in place of a private one',
  };
}
