import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BootError, type Failure } from '../src/errors';
import { openCache, type KeptCache } from '../src/io/cache';
import { KeptTransport } from '../src/io/kept';
import { Inflater } from '../src/io/inflate';
import { plainOf } from '../src/io/plain';
import { Source } from '../src/io/source';
import { Zstd } from '../src/io/zstd';
import { parseManifest, type KernelFile, type Manifest } from '../src/pack/manifest';
import { routeOf } from '../src/service/routes';
import { EMPTY_WASM, makePack, MemoryTransport, Recorder, text, utf8 } from './support/pack';
import { withTransfer } from './support/transfer';

const BASE = 'https://site.example/packs/demo/';
const FIGURES = { requests: 0, bytes: 0, files: 0, seconds: 0 };
const MESSAGE = { header: { msg_id: '1', msg_type: 'status', session: 's' }, parent_header: {}, metadata: {}, content: {}, channel: 'iopub' };
/** Longer than a kernel that rests is waited for. */
const rested = () => new Promise(resolve => setTimeout(resolve, 30));
const PARTS = { archives: [{ a: 'first' }, { b: 'second' }], load: 'interpreter' };

/** A cache in memory, as the browser's: by URL, and with a disk that may be full. */
class MemoryCache implements KeptCache {
  readonly entries = new Map<string, Uint8Array>();
  readonly written: string[] = [];
  room = Infinity;

  async match(url: string): Promise<Response | undefined> {
    const data = this.entries.get(url);
    return data && new Response(data as Uint8Array<ArrayBuffer>);
  }

  async put(url: string, response: Response): Promise<void> {
    const data = new Uint8Array(await response.arrayBuffer());
    const used = [...this.entries].reduce((all, [other, bytes]) => all + (other === url ? 0 : bytes.length), 0);
    if (used + data.length > this.room) {
      throw new DOMException('the disk is full', 'QuotaExceededError');
    }
    this.entries.set(url, data);
    this.written.push(url.slice(BASE.length));
  }

  async delete(url: string): Promise<boolean> {
    return this.entries.delete(url);
  }

  async keys(): Promise<{ url: string }[]> {
    return [...this.entries.keys()].map(url => ({ url }));
  }

  paths(): string[] {
    return [...this.entries.keys()].map(url => url.replace(BASE, '')).sort();
  }
}

function visit(
  pack = makePack(PARTS),
  cache: MemoryCache | Error = new MemoryCache(),
  more: { manifest?: Uint8Array; waitingBytes?: number } = {}
) {
  const network = new MemoryTransport(pack);
  const refusals: Failure[] = [];
  const open = async () => {
    if (cache instanceof Error) {
      throw cache;
    }
    return cache;
  };
  const refused = (failure: Failure) => refusals.push(failure);
  const kept = new KeptTransport(network, { base: BASE, open, refused, restMs: 1, ...more });
  const source = new Source(kept, new Recorder().emit);
  const manifest = parseManifest(utf8(JSON.stringify(pack.manifest)));
  /** What a start does: the manifest, then the index and all archives, then it is ready. */
  const start = async () => {
    await source.readUnchecked('manifest.json', 'manifest');
    await Promise.all([manifest.index, ...manifest.archives].map(file => source.read(file, 'archive')));
    kept.rest();
    await kept.flush();
  };
  return { pack, network, kept, source, manifest, refusals, start };
}

describe('kept files', () => {
  test('a second visit asks for the manifest only', async () => {
    const cache = new MemoryCache();
    const first = visit(makePack(PARTS), cache);
    await first.start();
    const second = visit(makePack(PARTS), cache);
    await second.start();
    assert.deepEqual(second.network.asked, ['manifest.json']);
    assert.deepEqual(first.network.asked.length, 4);
  });

  test('a manifest that the page has fetched is not asked for, and is kept like any other', async () => {
    const cache = new MemoryCache();
    const pack = makePack(PARTS);
    const handed = utf8(JSON.stringify(pack.manifest));
    const first = visit(pack, cache, { manifest: handed });
    await first.start();
    assert.ok(!first.network.asked.includes('manifest.json'));
    assert.equal(cache.written.at(-1), 'manifest.json');
  });

  test('with the server dead the kept manifest serves', async () => {
    const cache = new MemoryCache();
    await visit(makePack(PARTS), cache).start();
    for (const name of ['NetworkFailed', 'Offline'] as const) {
      const later = visit(makePack(PARTS), cache);
      later.network.broken.set('manifest.json', new BootError(name, 'dead'));
      await later.start();
      assert.deepEqual(later.network.asked, ['manifest.json']);
    }
  });

  test('a server that answers is believed: a pack that is gone is gone', async () => {
    const cache = new MemoryCache();
    await visit(makePack(PARTS), cache).start();
    const later = visit(makePack(PARTS), cache);
    later.network.broken.set('manifest.json', new BootError('FileMissing', 'gone'));
    await assert.rejects(later.start(), /gone/);
  });

  test('with the server dead and nothing kept, the reason is the network', async () => {
    const { network, start } = visit();
    network.broken.set('manifest.json', new BootError('NetworkFailed', 'dead'));
    await assert.rejects(start(), { name: 'NetworkFailed' });
  });

  test('the manifest is written after all that it needs', async () => {
    const cache = new MemoryCache();
    await visit(makePack(PARTS), cache).start();
    assert.equal(cache.written.at(-1), 'manifest.json');
    assert.equal(cache.written.length, 4);
  });

  test('nothing is written before the start is over', async () => {
    const cache = new MemoryCache();
    const { source, kept, manifest } = visit(makePack(PARTS), cache);
    await source.read(manifest.index, 'index');
    await kept.flush();
    assert.deepEqual(cache.paths(), []);
  });

  test('nothing is written while a cell runs', async () => {
    const cache = new MemoryCache();
    const { source, kept, manifest } = visit(makePack(PARTS), cache);
    const say = (state: string) =>
      kept.note({ type: 'message', message: { ...MESSAGE, content: { execution_state: state } } });
    kept.note({ type: 'ready', kernel: 'k', figures: FIGURES, interrupts: false, drive: false });
    say('busy');
    await source.read(manifest.index, 'index');
    kept.note({ type: 'message', message: { ...MESSAGE, content: { text: 'of the cell' } } });
    kept.note({ type: 'progress', phase: 'archive', file: 'a', loaded: 0, total: 1 });
    await rested();
    assert.deepEqual(cache.paths(), []);
    say('idle');
    await rested();
    assert.deepEqual(cache.paths(), [manifest.index.path]);
  });

  test('what is loaded ahead while the kernel rests is written without a further word of it', async () => {
    const cache = new MemoryCache();
    const { source, kept, manifest } = visit(makePack(PARTS), cache);
    kept.rest();
    await source.read(manifest.index, 'index');
    await rested();
    assert.deepEqual(cache.paths(), [manifest.index.path]);
  });

  test('foreign bytes are never kept', async () => {
    const cache = new MemoryCache();
    const { source, kept, manifest, pack } = visit(makePack(PARTS), cache);
    pack.files.set(manifest.index.path, utf8('x'.repeat(manifest.index.size)));
    await assert.rejects(source.read(manifest.index, 'index'), { name: 'HashMismatch' });
    kept.rest();
    await kept.flush();
    assert.deepEqual(cache.paths(), []);
  });

  test('a kept copy that is damaged is fetched anew, once, and kept again', async () => {
    const cache = new MemoryCache();
    const { manifest, start } = visit(makePack(PARTS), cache);
    await start();
    cache.entries.set(BASE + manifest.index.path, utf8('damaged'));
    const later = visit(makePack(PARTS), cache);
    await later.start();
    assert.deepEqual(later.network.asked, ['manifest.json', manifest.index.path]);
    assert.equal(cache.entries.get(BASE + manifest.index.path)?.length, manifest.index.size);
  });

  test('a blocking read is kept, too, and not asked for again before it is written', async () => {
    const cache = new MemoryCache();
    const { source, kept, manifest, network } = visit(makePack(PARTS), cache);
    const [archive] = manifest.archives;
    assert.ok(archive);
    source.readSync(archive);
    source.readSync(archive);
    assert.deepEqual(network.askedSync, [archive.path]);
    kept.rest();
    await kept.flush();
    assert.deepEqual(cache.paths(), [archive.path]);
  });

  test('a kept copy that is damaged is forgotten by a blocking read, too, and kept again', async () => {
    const cache = new MemoryCache();
    await visit(makePack(PARTS), cache).start();
    const { source, kept, manifest, network } = visit(makePack(PARTS), cache);
    const [archive] = manifest.archives;
    assert.ok(archive);
    await source.readUnchecked('manifest.json', 'manifest');
    await source.read(manifest.index, 'index');
    cache.entries.set(BASE + archive.path, utf8('damaged'));
    network.poisoned.set(archive.path, utf8('damaged')); // The service worker answers with what is kept.
    assert.equal(source.readSync(archive).length, archive.size);
    assert.deepEqual(network.askedAnew, [archive.path]);
    kept.rest();
    await kept.flush();
    assert.equal(cache.entries.get(BASE + archive.path)?.length, archive.size);
  });

  test('a kept copy that is damaged goes also when there is no network to replace it', async () => {
    const cache = new MemoryCache();
    await visit(makePack(PARTS), cache).start();
    const { source, kept, manifest, network } = visit(makePack(PARTS), cache);
    const [archive] = manifest.archives;
    assert.ok(archive);
    await source.read(manifest.index, 'index');
    cache.entries.set(BASE + archive.path, utf8('damaged'));
    network.poisoned.set(archive.path, utf8('damaged'));
    network.broken.set(archive.path, new BootError('Offline', 'no network'));
    assert.throws(() => source.readSync(archive), { name: 'Offline' });
    await kept.flush();
    assert.equal(cache.entries.has(BASE + archive.path), false);
  });

  test('what is kept no more is kept again', async () => {
    const cache = new MemoryCache();
    await visit(makePack(PARTS), cache).start();
    const { source, kept, manifest } = visit(makePack(PARTS), cache);
    await source.read(manifest.index, 'index');
    const [archive] = manifest.archives;
    assert.ok(archive);
    cache.entries.delete(BASE + archive.path); // By the browser, short of space, while the page is open.
    await source.read(archive, 'archive');
    kept.rest();
    await kept.flush();
    assert.ok(cache.entries.has(BASE + archive.path));
  });

  test('what is too much to hold until the rest is read again then, so that all is kept', async () => {
    const cache = new MemoryCache();
    const { start, network, manifest } = visit(makePack(PARTS), cache, { waitingBytes: 60 });
    await start();
    const names = [manifest.index, ...manifest.archives].map(({ path }) => path);
    assert.deepEqual(cache.paths(), ['manifest.json', ...names].sort());
    assert.equal(cache.written.at(-1), 'manifest.json');
    assert.ok(network.asked.length > 4);
    const later = visit(makePack(PARTS), cache);
    later.network.broken.set('manifest.json', new BootError('Offline', 'dead'));
    await later.start();
  });

  test('a blocking read does not wait for what is read again to be kept', async () => {
    const { source, network, kept, manifest } = visit(makePack(PARTS), new MemoryCache(), { waitingBytes: 0 });
    const [archive] = manifest.archives;
    assert.ok(archive);
    await source.read(archive, 'archive');
    let send: () => void = () => undefined;
    network.held.set(archive.path, new Promise(resolve => (send = resolve)));
    kept.rest();
    const written = kept.flush();
    while (network.asked.length < 2) {
      await new Promise(resolve => setTimeout(resolve, 0));
    }
    assert.equal(source.readSync(archive).length, archive.size);
    send();
    await written;
    // Afterwards the address is nobody's.
    network.held.clear();
    source.readSync(archive);
    assert.deepEqual(network.askedApart, [archive.path]);
  });

  test('without all of it the manifest does not promise a start; the next rest tries again', async () => {
    const cache = new MemoryCache();
    const { source, network, kept, manifest } = visit(makePack(PARTS), cache, { waitingBytes: 0 });
    const path = manifest.archives[1]?.path as string;
    await source.readUnchecked('manifest.json', 'manifest');
    await Promise.all([manifest.index, ...manifest.archives].map(file => source.read(file, 'archive')));
    network.broken.set(path, new BootError('Offline', 'no network'));
    kept.rest();
    await kept.flush();
    assert.equal(cache.entries.has(BASE + path), false);
    assert.ok(!cache.paths().includes('manifest.json'));
    network.broken.clear();
    kept.rest();
    await kept.flush();
    assert.ok(cache.entries.has(BASE + path));
    assert.equal(cache.written.at(-1), 'manifest.json');
  });

  test('a pack whose folder holds other packs leaves them what they kept', async () => {
    const cache = new MemoryCache();
    const stale = [`archives/${'0'.repeat(64)}.tar.zst`, `index-${'0'.repeat(64)}.json.zst`, 'kernels/xold/x.js.zst'];
    const theirs = [
      'other/archives/1.tar.zst', // Its manifest is not written yet.
      'other/kernels/x/x.js.zst',
      'kernels/deep/manifest.json',
      'kernels/deep/index-1.json.zst',
    ];
    for (const path of [...stale, ...theirs]) {
      cache.entries.set(BASE + path, path.endsWith('manifest.json') ? utf8('{}') : utf8('kept'));
    }
    const { start, manifest } = visit(makePack(PARTS), cache);
    await start();
    const own = ['manifest.json', ...[manifest.index, ...manifest.archives].map(({ path }) => path)];
    assert.deepEqual(cache.paths(), [...own, ...theirs].sort());
  });

  test('one tab writes after the other: what is written is not dropped before its manifest names it', async t => {
    const cache = new MemoryCache();
    const locks: string[] = [];
    let last: Promise<unknown> = Promise.resolve();
    const request = (name: string, action: () => Promise<unknown>) => {
      locks.push(name);
      last = last.then(action);
      return last;
    };
    const before = Object.getOwnPropertyDescriptor(globalThis, 'navigator') ?? { value: undefined, configurable: true };
    t.after(() => Object.defineProperty(globalThis, 'navigator', before));
    Object.defineProperty(globalThis, 'navigator', { value: { locks: { request } }, configurable: true });
    await Promise.all([visit(makePack(PARTS), cache).start(), visit(makePack(PARTS), cache).start()]);
    assert.ok(locks.length >= 2 && locks.every(name => name === 'lite-env'));
    assert.ok(cache.paths().includes('manifest.json'));
  });

  test('a new deployment drops what it does not name, and nothing of others', async () => {
    const cache = new MemoryCache();
    const other = 'https://site.example/packs/demo-two/index-0.json.zst';
    cache.entries.set(other, utf8('another pack'));
    const before = visit(makePack(PARTS), cache);
    await before.start();
    const after = visit(makePack({ archives: [{ a: 'first' }, { b: 'changed' }], load: 'interpreter' }), cache);
    await after.start();
    const named = [after.manifest.index, ...after.manifest.archives].map(({ path }) => path);
    assert.deepEqual(cache.paths(), ['manifest.json', other, ...named].sort());
    assert.ok(!after.network.asked.includes(before.manifest.archives[0]?.path as string));
  });

  test("what packs of a site share goes when none of the site's manifests names it any more", async () => {
    const cache = new MemoryCache();
    const place = (letter: string) => `https://site.example/files/${letter.repeat(64)}.tar.zst`;
    const sharing = (letter: string) => {
      const { manifest } = makePack(PARTS);
      const [archive] = manifest['archives'];
      archive.sha256 = letter.repeat(64);
      manifest['requires'] = ['shared-files'];
      manifest['shared'] = { [`archives/${archive.digest}.tar.zst`]: `../../files/${letter.repeat(64)}.tar.zst` };
      return utf8(JSON.stringify(manifest));
    };
    cache.entries.set('https://site.example/packs/other/manifest.json', sharing('a'));
    const others = ['https://site.example/files/demo/x', 'https://site.example/files/notes.txt'];
    for (const url of [place('a'), place('b'), ...others]) {
      cache.entries.set(url, utf8('kept'));
    }
    await visit(makePack(PARTS), cache).start();
    assert.equal(cache.entries.has(place('a')), true);
    assert.equal(cache.entries.has(place('b')), false);
    assert.deepEqual(others.filter(url => cache.entries.has(url)), others);

    // A manifest that this bootstrap cannot read may name anything.
    cache.entries.set('https://site.example/packs/later/manifest.json', utf8('{"format": "9.0"}'));
    cache.entries.set(place('b'), utf8('kept'));
    await visit(makePack({ archives: [{ c: 'third' }], load: 'interpreter' }), cache).start();
    assert.equal(cache.entries.has(place('b')), true);
  });

  test('a new deployment that does not fit beside the old one takes its place', async () => {
    const cache = new MemoryCache();
    await visit(makePack({ archives: [{ a: 'x'.repeat(4000) }], load: 'interpreter' }), cache).start();
    cache.room = [...cache.entries.values()].reduce((all, { length }) => all + length, 0) + 10;
    const { refusals, start, manifest } = visit(makePack({ archives: [{ a: 'y'.repeat(4000) }], load: 'interpreter' }), cache);
    await start();
    assert.equal(refusals.length, 0);
    assert.ok(cache.paths().includes(manifest.archives[0]?.path as string));
  });

  test('a full disk is survived and told once', async () => {
    const cache = new MemoryCache();
    cache.room = 10;
    const { refusals, start, source, manifest } = visit(makePack(PARTS), cache);
    await start();
    await source.read(manifest.index, 'index');
    await start();
    assert.equal(refusals.length, 1);
    assert.match(refusals[0]?.message ?? '', /keeps no files.*the disk is full/);
    assert.match(refusals[0]?.hint ?? '', /free space/);
    assert.equal(refusals[0]?.name, 'StorageRefused');
  });

  test('blocked storage is survived and told once, after the start', async () => {
    const { refusals, start, network, kept, source, manifest } = visit(makePack(PARTS), new Error('access is denied'));
    await source.read(manifest.index, 'index');
    assert.equal(refusals.length, 0);
    await start();
    kept.rest();
    assert.equal(refusals.length, 1);
    assert.match(refusals[0]?.message ?? '', /access is denied/);
    assert.match(refusals[0]?.hint ?? '', /private/);
    assert.equal(network.asked.length, 5);
  });

  test('a cache that cannot be read any more is survived', async () => {
    const cache = new MemoryCache();
    await visit(makePack(PARTS), cache).start();
    cache.match = async () => {
      throw new Error('the database is broken');
    };
    const { start, network, refusals } = visit(makePack(PARTS), cache);
    await start();
    assert.equal(network.asked.length, 4);
    assert.equal(refusals.length, 1);
  });

  test('it rests by itself a moment after the last message', async () => {
    const cache = new MemoryCache();
    const { source, kept, manifest } = visit(makePack(PARTS), cache);
    await source.read(manifest.index, 'index');
    kept.rest();
    await new Promise(resolve => setTimeout(resolve, 50));
    assert.deepEqual(cache.paths(), [manifest.index.path]);
  });

  test('bytes come back as they went', async () => {
    const cache = new MemoryCache();
    await visit(makePack(PARTS), cache).start();
    const { kept, manifest, pack } = visit(makePack(PARTS), cache);
    const progress: number[] = [];
    const data = await kept.read(manifest.index.path, loaded => progress.push(loaded));
    assert.equal(text(data), text(pack.files.get(manifest.index.path) as Uint8Array));
    assert.deepEqual(progress, [manifest.index.size]);
  });
});

describe('a kept module', () => {
  const WASM = { archives: [{ a: 'first' }], load: 'interpreter' };

  const wasmOf = ({ kernels }: Manifest) => kernels[0]?.files.find(({ role }) => role === 'wasm') as KernelFile;

  /** What our service worker answers with, or why nothing does. */
  function answering(t: { after(clean: () => unknown): void }, answer: (url: string) => Response | Error) {
    const { fetch } = globalThis;
    t.after(() => Object.assign(globalThis, { fetch }));
    const asked: (RequestInit & { url: string })[] = [];
    globalThis.fetch = (async (url: string, options: RequestInit) => {
      asked.push({ url, ...options });
      const found = answer(url);
      if (found instanceof Error) {
        throw found;
      }
      return found;
    }) as typeof fetch;
    return asked;
  }

  async function start(cache: MemoryCache) {
    const made = visit(makePack(WASM), cache);
    const kernel = { wasm: wasmOf(made.manifest) };
    await made.source.readUnchecked('manifest.json', 'manifest');
    const module = await new Inflater(made.source).module(kernel.wasm, 'kernel');
    assert.ok(module instanceof WebAssembly.Module);
    made.kept.rest();
    await made.kept.flush();
    const plain = BASE + plainOf(kernel.wasm).path;
    return { ...made, kernel, plain, asked: made.network.asked.filter(path => path !== 'manifest.json') };
  }

  const wasm = (data: Uint8Array) =>
    new Response(data as Uint8Array<ArrayBuffer>, { headers: { 'content-type': 'application/wasm' } });

  test('it lies plain at an address of its own, and its compressed file is not kept', async () => {
    const cache = new MemoryCache();
    const { plain, kernel, asked } = await start(cache);
    assert.deepEqual(asked, [kernel.wasm.path]);
    assert.deepEqual(cache.entries.get(plain), EMPTY_WASM);
    assert.equal(cache.entries.has(BASE + kernel.wasm.path), false);
    assert.match(plain, /\/kernels\/xtest\/[0-9a-f]{64}\.wasm$/);
    assert.equal(routeOf('GET', plain, 'https://site.example/', { build: '', files: {}, runtime: '', drive: 'none' }).kind, 'hashed');
  });

  test('what an earlier version kept compressed is kept plain', async () => {
    const cache = new MemoryCache();
    const pack = makePack(WASM);
    const path = wasmOf(parseManifest(utf8(JSON.stringify(pack.manifest)))).path;
    cache.entries.set(BASE + path, pack.files.get(path) as Uint8Array);
    const { plain, asked } = await start(cache);
    assert.deepEqual(asked, []);
    assert.deepEqual([cache.entries.has(plain), cache.entries.has(BASE + path)], [true, false]);
  });

  test('a later visit compiles what the service worker answers, and asks no server for it', async t => {
    const cache = new MemoryCache();
    const { plain } = await start(cache);
    const asked = answering(t, url => wasm(cache.entries.get(url) as Uint8Array));
    const later = await start(cache);
    assert.deepEqual(asked, [{ url: plain, mode: 'same-origin', cache: 'only-if-cached' }]);
    assert.deepEqual(later.asked, []);
    assert.equal(later.source.figures(0).requests, 2);
    assert.ok(cache.entries.has(plain));
  });

  test('without a service worker of ours its bytes are compiled', async t => {
    const cache = new MemoryCache();
    await start(cache);
    for (const answer of [() => new TypeError('not cached'), () => new Response('a page'), () => wasm(utf8('x'))]) {
      answering(t, answer);
      assert.deepEqual((await start(cache)).asked, []);
    }
  });

  test('its bytes are given back at once: those that were compiled, and those that were written', async t => {
    withTransfer(t);
    const given = new Set<Uint8Array>();
    const note = (data: Uint8Array) => {
      given.add(data);
      return data;
    };
    const left = () => [...given].map(data => data.length);
    const { decode } = Zstd.prototype;
    t.mock.method(Zstd.prototype, 'decode', function (this: Zstd, ...file: Parameters<typeof decode>) {
      return note(decode.apply(this, file));
    });
    const { compile } = WebAssembly;
    t.mock.method(WebAssembly, 'compile', (data: Uint8Array<ArrayBuffer>) =>
      compile(data.length === EMPTY_WASM.length ? (note(data) as typeof data) : data) // And not the decoder.
    );
    const cache = new MemoryCache();
    const { plain } = await start(cache);
    assert.deepEqual(left(), [0, 0]); // Inflated and compiled; inflated again and kept.
    assert.deepEqual(cache.entries.get(plain), EMPTY_WASM);
    given.clear();
    answering(t, () => new TypeError('not cached'));
    await start(cache);
    assert.deepEqual(left(), [0]);
  });

  test('a wrong one is never handed out, whatever was compiled of it, and had anew', async t => {
    const cache = new MemoryCache();
    const { plain, kernel } = await start(cache);
    const foreign = new Uint8Array([...EMPTY_WASM, 0, 2, 1, 0x78]); // A module, and not this one.
    cache.entries.set(plain, foreign);
    answering(t, () => wasm(foreign));
    const later = await start(cache);
    assert.deepEqual(later.asked, [kernel.wasm.path]);
    assert.deepEqual(cache.entries.get(plain), EMPTY_WASM);
  });

  test('what follows the module waits until it is known whether it must come', async () => {
    const { source, manifest, network } = visit(makePack(WASM));
    const wasm = wasmOf(manifest);
    let send = () => undefined as void;
    network.held.set(wasm.path, new Promise(resolve => (send = resolve)));
    const looking = source.module(wasm, 'kernel');
    let isNear = false;
    void source.nearly(wasm.path).then(() => (isNear = true));
    assert.equal(await looking, null);
    const reading = source.read(wasm, 'kernel');
    await new Promise(resolve => setImmediate(resolve));
    assert.equal(isNear, false);
    send();
    await reading;
    await new Promise(resolve => setImmediate(resolve));
    assert.equal(isNear, true);
  });
});

describe('the cache of a page', () => {
  const withCaches = (caches: unknown) =>
    Object.defineProperty(globalThis, 'caches', { value: caches, configurable: true, writable: true });

  test('a page that is not secure has none', async () => {
    withCaches(undefined);
    await assert.rejects(openCache(), /not secure/);
  });

  test('storage that does not answer is not waited for', async () => {
    withCaches({ open: () => new Promise(() => undefined) });
    await assert.rejects(openCache(5), /does not answer/);
  });
});
