/**
 * Keeps the pack's files in the browser, under their URLs in the Cache API, so that a second visit moves nothing but
 * the manifest and starts with the server dead.
 *
 * Files are put there when the kernel rests and only after their check; the manifest comes last, so that the kept one
 * never names what the start needed and the cache lacks. What the manifest no longer names is dropped. Blocked
 * storage, a full disk and an insecure page are survived: they are told once, and the network serves.
 */
import { describe, type Failure } from '../errors';
import { parseManifest, type Manifest } from '../pack/manifest';
import { SHARED_FOLDER, sharedName } from '../pack/shared';
import { resolvePath } from './browser';
import type { Transport } from './transport';

/** The one cache of all environments of an origin; the service worker answers from it. */
export const CACHE = 'lite-env';
const MANIFEST = 'manifest.json';
/** Bytes that may wait for the kernel's rest; more stay unkept, since memory is the kernel's. */
const WAITING_BYTES = 96 * 1024 * 1024;
/** Milliseconds without a message after which the kernel counts as resting. */
const REST_MS = 400;

/** What of the Cache API is used. */
export interface KeptCache {
  match(url: string): Promise<Response | undefined>;
  put(url: string, response: Response): Promise<void>;
  delete(url: string): Promise<boolean>;
  keys(): Promise<readonly { readonly url: string }[]>;
}

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
}

/** The cache of this page; rejects where there is none, or none within `ms` milliseconds. */
export async function openCache(ms = 2000): Promise<KeptCache> {
  if (typeof caches === 'undefined') {
    throw new Error('the page is not secure (https, or http on localhost)');
  }
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('its storage does not answer')), ms);
  });
  return Promise.race([caches.open(CACHE), late]).finally(() => clearTimeout(timer));
}

/** A transport whose files come from the cache first. */
export class KeptTransport implements Transport {
  private cache: Promise<KeptCache | null> | null = null;
  /** URLs that the cache has. */
  private urls = new Set<string>();
  /** Checked bytes that are not in the cache yet, by path. */
  private readonly waiting = new Map<string, Uint8Array>();
  private waitingBytes = 0;
  private manifest: Uint8Array | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private writing: Promise<void> = Promise.resolve();
  private refused = false;
  private refusal: Failure | null = null;
  private started = false;

  constructor(
    private readonly network: Transport,
    private readonly options: KeptOptions
  ) {}

  async read(path: string, onProgress?: (loaded: number) => void): Promise<Uint8Array> {
    if (path === MANIFEST) {
      return this.readManifest(onProgress);
    }
    const kept = this.waiting.get(path) ?? (await this.fromCache(path));
    if (kept) {
      onProgress?.(kept.length);
      return kept;
    }
    return this.network.read(path, onProgress);
  }

  /** Where a service worker is in charge it looks into the cache; else the HTTP cache or the network serve. */
  readSync(path: string): Uint8Array {
    return this.waiting.get(path) ?? this.network.readSync(path);
  }

  evaluate(code: Uint8Array, path: string): void {
    this.network.evaluate(code, path);
  }

  importModule(code: Uint8Array, path: string): Promise<Readonly<Record<string, unknown>>> {
    return this.network.importModule(code, path);
  }

  /** Take bytes that passed their check, to be written when the kernel rests. */
  keep(path: string, data: Uint8Array): void {
    if (this.refused || this.urls.has(this.url(path)) || this.waiting.has(path)) {
      return;
    }
    if (this.waitingBytes + data.length <= WAITING_BYTES) {
      this.waiting.set(path, data);
      this.waitingBytes += data.length;
    }
  }

  /** Drop a kept copy that failed its check; whether there was one. */
  async forget(path: string): Promise<boolean> {
    const cache = await this.opened();
    if (!cache || !this.urls.delete(this.url(path))) {
      return false;
    }
    await this.attempt(() => cache.delete(this.url(path)));
    return true;
  }

  /** Told whenever the kernel became ready or answered: what waits is written once it rests. */
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
    await this.attempt(async () => {
      try {
        await this.store(cache);
      } catch (error) {
        if (!this.manifest || (error as Error).name !== 'QuotaExceededError') {
          throw error;
        }
        // What an earlier deployment left may be what fills the disk.
        await this.drop(cache, parseManifest(this.manifest));
        await this.store(cache);
      }
      if (this.manifest) {
        await cache.put(this.url(MANIFEST), response(MANIFEST, this.manifest));
        await this.drop(cache, parseManifest(this.manifest));
        this.manifest = null;
      }
    });
  }

  private async store(cache: KeptCache): Promise<void> {
    for (const [path, data] of this.waiting) {
      await cache.put(this.url(path), response(path, data));
      this.urls.add(this.url(path));
      this.waiting.delete(path);
      this.waitingBytes -= data.length;
    }
  }

  private async drop(cache: KeptCache, manifest: Manifest): Promise<void> {
    const named = new Set([MANIFEST, ...filesOf(manifest)].map(path => this.url(path)));
    const keys = await cache.keys();
    const unnamed = keys.map(({ url }) => url).filter(url => !named.has(url));
    const shared = unnamed.filter(url => this.isShared(url));
    const stillShared = shared.length > 0 ? await this.namedByOthers(cache, unnamed) : shared;
    const gone = shared.filter(url => !stillShared.includes(url));
    for (const url of [...unnamed.filter(url => url.startsWith(this.options.base)), ...gone]) {
      await cache.delete(url);
      this.urls.delete(url);
    }
  }

  /** Whether that is a file that packs of this site have in common. */
  private isShared(url: string): boolean {
    const folder = this.url(SHARED_FOLDER);
    return url.startsWith(folder) && sharedName(url.slice(folder.length)) !== null;
  }

  /** URLs of what the kept manifests of the site's other packs name; all of `urls` where one of them cannot be read. */
  private async namedByOthers(cache: KeptCache, urls: readonly string[]): Promise<string[]> {
    const packs = this.url('../');
    const manifests = urls.filter(url => url.startsWith(packs) && url.endsWith(`/${MANIFEST}`));
    const named = manifests.map(async url => {
      const response = await cache.match(url);
      const data = new Uint8Array((await response?.arrayBuffer()) ?? []);
      return filesOf(parseManifest(data)).map(path => resolvePath(path, url));
    });
    return Promise.all(named).then(
      lists => lists.flat(),
      () => [...urls]
    );
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

/** Paths of every file that a manifest vouches for. */
function filesOf(manifest: Manifest): string[] {
  const binaries = manifest.kernels.flatMap(kernel => kernel.files);
  return [manifest.index, ...manifest.archives, ...binaries].map(file => file.path);
}

/** A copy, since what waits may be a view of a larger buffer. */
function response(path: string, data: Uint8Array): Response {
  const type = path.endsWith('.wasm')
    ? 'application/wasm'
    : path.endsWith('.json')
      ? 'application/json'
      : 'application/octet-stream';
  return new Response(data.slice() as Uint8Array<ArrayBuffer>, {
    headers: { 'content-type': type, 'content-length': String(data.length) },
  });
}
