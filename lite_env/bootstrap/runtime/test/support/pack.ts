/** Packs in memory: what `lite-env pack` writes, made from a dict of path to text. */
import { createHash } from 'node:crypto';
import { BootError } from '../../src/errors';
import type { How, Transport } from '../../src/io/transport';
import type { FromWorker } from '../../src/protocol';

export const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');
export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (data: Uint8Array): string => new TextDecoder().decode(data);

/** A zstd frame of stored blocks (RFC 8878, section 3.1.1), whose window is all of it or 2 to the power of `windowLog`. */
export function zstd(data: Uint8Array, windowLog?: number): Uint8Array {
  const limit = 128 * 1024;
  const form = windowLog === undefined ? [0xa0] : [0x80, (windowLog - 10) << 3];
  const header: Uint8Array = new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, ...form, 0, 0, 0, 0]);
  new DataView(header.buffer).setUint32(4 + form.length, data.length, true);
  const parts = [header];
  for (let at = 0; at === 0 || at < data.length; at += limit) {
    const block = data.subarray(at, at + limit);
    const word = (block.length << 3) | (at + limit >= data.length ? 1 : 0);
    parts.push(new Uint8Array([word & 0xff, (word >> 8) & 0xff, word >> 16]), block);
  }
  return Buffer.concat(parts);
}

export type Json = { [key: string]: any };

export interface MemoryPack {
  readonly manifest: Json;
  /** Every file but the manifest, by path. */
  readonly files: Map<string, Uint8Array>;
}

export interface PackParts {
  /** Contents of the files of each archive, by prefix-relative path. */
  readonly archives?: readonly Record<string, string>[];
  /** Of all archives, or of each. */
  readonly load?: string | readonly string[];
  /** Positions of what the kernel's start loads, where not all that `load` says. */
  readonly start?: { readonly interpreter: readonly number[]; readonly kernel: readonly number[] };
  readonly needed?: Json;
  readonly links?: Record<string, string>;
  readonly script?: string;
  readonly wasm?: Uint8Array;
  readonly data?: string;
  readonly shared?: Record<string, string>;
  readonly python?: string | null;
  readonly variables?: Record<string, string>;
  /** Where its start-up code lies. */
  readonly startup?: string;
  readonly language?: string;
}

/** The smallest module there is: magic and version. */
export const EMPTY_WASM = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);

export function makePack(parts: PackParts = {}): MemoryPack {
  const files = new Map<string, Uint8Array>();
  const compressed = (raw: Uint8Array, path: (digest: string) => string): Json => {
    const digest = sha256(raw);
    const data = zstd(raw);
    files.set(path(digest), data);
    return { digest, raw_size: raw.length, size: data.length, sha256: sha256(data) };
  };
  const put = (role: string, name: string, raw: Uint8Array): Json => {
    const path = `kernels/xtest/${name}.zst`;
    return { role, name, path, source: `bin/${name}`, ...compressed(raw, () => path) };
  };

  const tree: Json = {};
  const place = (path: string, entry: unknown) => {
    const names = path.split('/');
    const folder = names.slice(0, -1).reduce<Json>((above, name) => (above[name] ??= {}), tree);
    folder[names.at(-1) as string] = entry;
  };
  const archives = (parts.archives ?? []).map((members, position) => {
    let offset = 0;
    const bodies = Object.entries(members).map(([path, content]) => {
      const body = utf8(content);
      place(path, [body.length, position, offset]);
      offset += body.length;
      return body;
    });
    const info = compressed(Buffer.concat(bodies), digest => `archives/${digest}.tar.zst`);
    const load = typeof parts.load === 'object' ? parts.load[position] : parts.load;
    return { ...info, load: load ?? 'demand', packages: {} };
  });
  Object.entries(parts.links ?? {}).forEach(([path, target]) => place(path, target));

  const index = compressed(
    utf8(JSON.stringify({ format: '1.0', needed: parts.needed ?? {}, tree })),
    digest => `index-${digest}.json.zst`
  );
  const spec = utf8('{}');
  const stored = { size: spec.length, raw_size: spec.length, sha256: sha256(spec), digest: sha256(spec) };
  const loadedFor = (load: string) =>
    archives.flatMap((archive, position) => (archive['load'] === load ? [position] : []));
  const kernel: Json = {
    name: 'xtest',
    display_name: 'Test',
    language: parts.language ?? 'test',
    argv: ['/bin/xtest', '-f', '{connection_file}'],
    runtime: { family: 'xeus', emscripten: '4.0.9', python: parts.python ?? null, worker: 'classic' },
    files: [
      { role: 'spec', name: 'kernel.json', path: 'kernels/xtest/kernel.json', source: 'kernel.json', ...stored },
      put('script', 'xtest.js', utf8(parts.script ?? 'globalThis.createXeusModule = undefined;')),
      put('wasm', 'xtest.wasm', parts.wasm ?? EMPTY_WASM),
      ...(parts.data === undefined ? [] : [put('data', 'xtest.data', utf8(parts.data))]),
      ...Object.entries(parts.shared ?? {}).map(([name, content]) => put('shared', name, utf8(content))),
    ],
    start: parts.start ?? { interpreter: loadedFor('interpreter'), kernel: loadedFor('kernel') },
    ...(parts.startup === undefined ? {} : { startup: parts.startup }),
  };
  const manifest = {
    format: '2.0',
    requires: [...(parts.start ? ['kernel-starts'] : []), ...(parts.startup ? ['startup-code'] : [])],
    generator: 'test',
    environment: {
      name: 'test',
      platform: 'emscripten-wasm32',
      lock_digest: '',
      requested: [],
      variables: parts.variables ?? {},
      packages: [],
    },
    kernels: [kernel],
    archives,
    index,
    mounts: { prefix: '/', drive: '/drive' },
  };
  return { manifest, files };
}

/** Serves a pack from memory, counts, and breaks what a test breaks. */
export class MemoryTransport implements Transport {
  readonly asked: string[] = [];
  readonly askedSync: string[] = [];
  readonly evaluated: string[] = [];
  readonly broken = new Map<string, BootError>();
  readonly late = new Set<string>();
  /** What some cache on the way has in place of a file, until it is asked for anew. */
  readonly poisoned = new Map<string, Uint8Array | BootError>();
  readonly askedAnew: string[] = [];
  readonly askedApart: string[] = [];
  /** Requests under way: the HTTP cache holds their entries, and a blocking one at the same address would wait 20 s. */
  private readonly open = new Set<string>();
  /** Requests that were ended by who asked. */
  readonly ended: string[] = [];
  /** What is not sent before a promise settles. */
  readonly held = new Map<string, Promise<void>>();

  constructor(private readonly pack: MemoryPack) {}

  async read(path: string, onProgress?: (loaded: number) => void, how: How = {}): Promise<Uint8Array> {
    this.asked.push(path);
    this.open.add(path);
    how.signal?.addEventListener('abort', () => this.ended.push(path));
    await new Promise(resolve => setTimeout(resolve, 0));
    if (this.late.has(path)) {
      await new Promise(() => undefined);
    }
    await this.held.get(path);
    this.open.delete(path);
    if (how.signal?.aborted) {
      throw new BootError('NetworkFailed', `the request for "${path}" was ended`, { file: path });
    }
    const data = this.get(path, how);
    onProgress?.(data.length >> 1);
    onProgress?.(data.length);
    return data;
  }

  readSync(path: string, how: How = {}): Uint8Array {
    this.askedSync.push(path);
    if (how.apart) {
      this.askedApart.push(path);
    }
    if (this.open.has(path) && !how.apart && !how.anew) {
      throw new Error(`"${path}" is under way: a blocking read waits for it in vain`);
    }
    return this.get(path, how);
  }

  evaluate(code: Uint8Array, path: string): void {
    this.evaluated.push(path);
    (0, eval)(text(code));
  }

  importModule(code: Uint8Array, path: string): Promise<Record<string, unknown>> {
    this.evaluated.push(path);
    return import(`data:text/javascript;base64,${Buffer.from(code).toString('base64')}`);
  }

  private get(path: string, { anew }: How): Uint8Array {
    if (anew) {
      this.askedAnew.push(path);
      this.poisoned.delete(path);
    }
    const poison = this.poisoned.get(path);
    if (poison instanceof Uint8Array) {
      return poison;
    }
    const error = poison ?? this.broken.get(path);
    if (error) {
      throw error;
    }
    const data = path === 'manifest.json' ? utf8(JSON.stringify(this.pack.manifest)) : this.pack.files.get(path);
    if (!data) {
      throw new BootError('FileMissing', `"${path}" is not there`, { file: path });
    }
    return data;
  }
}

/** Keeps the envelopes that were sent. */
export class Recorder {
  readonly envelopes: FromWorker[] = [];
  readonly emit = (envelope: FromWorker): void => {
    this.envelopes.push(envelope);
  };

  of<T extends FromWorker['type']>(type: T): Extract<FromWorker, { type: T }>[] {
    return this.envelopes.filter((envelope): envelope is Extract<FromWorker, { type: T }> => envelope.type === type);
  }

  /** The first envelope of that type, as soon as it is there. */
  async next<T extends FromWorker['type']>(type: T): Promise<Extract<FromWorker, { type: T }>> {
    for (let turn = 0; turn < 2000; turn += 1) {
      const [found] = this.of(type);
      if (found) {
        return found;
      }
      await new Promise(resolve => setTimeout(resolve, 1));
    }
    throw new Error(`no envelope of type ${type} came: ${JSON.stringify(this.envelopes)}`);
  }
}

/** For `assert.throws` and `assert.rejects`: a BootError of that name whose message matches. */
export function failure(name: string, message: RegExp, file?: string | null) {
  return (error: unknown): true => {
    if (!(error instanceof BootError)) {
      throw error;
    }
    if (
      error.failure.name !== name ||
      !message.test(error.message) ||
      (file !== undefined && error.failure.file !== file)
    ) {
      throw new Error(`expected ${name} ${message} ${file ?? ''}, found ${JSON.stringify(error.failure)}`);
    }
    return true;
  };
}
