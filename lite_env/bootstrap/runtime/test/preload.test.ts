/** Modules that a snapshot has imported: when it is made, with what it is kept, and what it gives way to. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PreloadMaker, type MakingWorker } from '../src/embed/preload-maker';
import type { Saving } from '../src/family/runtime';
import { SnapshotHint } from '../src/embed/snapshot-hint';
import { newMessage } from '../src/message';
import { fileBehind, parseTree } from '../src/pack/tree';
import type { Figures, FromWorker, ToWorker } from '../src/protocol';
import { readerOf } from '../src/io/reader';
import { decodeBytes } from '../src/snapshot/form';
import { PAGE } from '../src/snapshot/pages';
import { Shelf, type Drawer } from '../src/snapshot/shelf';
import type { Preloading } from '../src/snapshot/preloading';
import { Snapshots } from '../src/snapshot/snapshots';
import type { Subject } from '../src/snapshot/subject';

const figuresOf = (preload = { modules: ['numpy'], done: false, why: '' }, possible = true): Figures => ({
  requests: 0,
  bytes: 0,
  files: 0,
  seconds: 1,
  snapshot: { seconds: 1, why: '', possible, shipped: false, preload },
});

class FakeWorker implements MakingWorker {
  readonly told: ToWorker[] = [];
  isEnded = false;
  private listener: (event: MessageEvent<FromWorker>) => void = () => undefined;

  postMessage(envelope: ToWorker): void {
    this.told.push(envelope);
  }
  terminate(): void {
    this.isEnded = true;
  }
  addEventListener(type: string, listener: unknown): void {
    if (type === 'message') {
      this.listener = listener as typeof this.listener;
    }
  }
  say(envelope: FromWorker): void {
    this.listener({ data: envelope } as MessageEvent<FromWorker>);
  }
}

function setup(tries = 0) {
  const workers: FakeWorker[] = [];
  const hint = { tries, kept: false, set: (isKept: boolean) => void (hint.kept = isKept) };
  const create = () => {
    workers.push(new FakeWorker());
    return workers.at(-1) as FakeWorker;
  };
  const maker = new PreloadMaker({ type: 'start', manifest: 'm' }, create, hint, () => undefined, 1000);
  return { maker, workers, hint };
}

const cell = newMessage('s', 'execute_request', { code: '1' }, 'shell');
const state = (name: string) => newMessage('s', 'status', { execution_state: name }, 'iopub');

test('a second worker makes it once nobody has wanted anything for a while', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { maker, workers, hint } = setup();
  maker.ready(figuresOf());
  t.mock.timers.tick(999);
  assert.equal(workers.length, 0);
  t.mock.timers.tick(1);
  const [worker] = workers;
  assert.deepEqual(worker?.told.map(told => told.type === 'start' && [told.manifest, told.makeSnapshot, told.shared]), [['m', true, null]]);
  assert.equal(hint.tries, 1);
  worker?.say({ type: 'snapshot', made: true });
  assert.deepEqual([worker?.isEnded, hint.kept, hint.tries], [true, true, 0]);
  maker.asked(cell);
  t.mock.timers.tick(9000);
  assert.equal(workers.length, 1);
});

test('a cell ends it at once, and it begins again when that is over, three times and no more', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { maker, workers, hint } = setup();
  maker.ready(figuresOf());
  for (const count of [1, 2, 3]) {
    t.mock.timers.tick(1000);
    assert.equal(workers.length, count);
    maker.said(state('idle'));
    maker.asked(newMessage('s', 'kernel_info_request', {}, 'shell'));
    assert.equal(workers.at(-1)?.isEnded, false);
    maker.asked(cell);
    assert.deepEqual([workers.at(-1)?.isEnded, hint.tries], [true, 0]);
    maker.said(state('busy'));
    t.mock.timers.tick(5000);
    assert.equal(workers.length, count);
    maker.said(state('idle'));
  }
  t.mock.timers.tick(5000);
  assert.equal(workers.length, 3);
});

test('nothing is made where nothing is wanted, where it was tried in vain, and by pages that came to no end over it', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { maker, workers } = setup();
  maker.ready({ ...figuresOf(), snapshot: undefined as never });
  maker.ready(figuresOf({ modules: [], done: false, why: '' }));
  maker.ready(figuresOf({ modules: ['numpy'], done: true, why: '' }));
  maker.ready(figuresOf({ modules: ['numpy'], done: false, why: 'it is not there' }));
  maker.ready(figuresOf(undefined, false));
  t.mock.timers.tick(5000);
  const after = setup(3);
  after.maker.ready(figuresOf());
  t.mock.timers.tick(5000);
  assert.deepEqual([...workers, ...after.workers], []);
});

test('a plain start takes back a note that it counted on, and not one that another page has left meanwhile', t => {
  const kept = new Map<string, string>();
  const localStorage = {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => kept.set(name, value),
    removeItem: (name: string) => kept.delete(name),
  };
  Object.defineProperty(globalThis, 'localStorage', { value: localStorage, configurable: true });
  t.after(() => Reflect.deleteProperty(globalThis, 'localStorage'));
  const [one, other] = [new SnapshotHint('m', 'k'), new SnapshotHint('m', 'k')];
  assert.deepEqual([one.begin(), other.begin()], [false, false]);
  other.set(true);
  one.wasPlain();
  assert.equal(new SnapshotHint('m', 'another').begin(), false);
  assert.equal(one.begin(), true);
  one.wasPlain();
  assert.equal(one.begin(), false);
});

test('a kernel that ends takes it along', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { maker, workers } = setup();
  maker.ready(figuresOf());
  t.mock.timers.tick(1000);
  maker.end();
  assert.equal(workers[0]?.isEnded, true);
  maker.asked(cell);
  t.mock.timers.tick(5000);
  assert.equal(workers.length, 1);
});

function shelfWith(limit = 1e6) {
  const files = new Map<string, Uint8Array>();
  const drawer: Drawer = {
    names: async () => [...files.keys()],
    size: async name => files.get(name)?.length ?? null,
    open: async name => (files.has(name) ? readerOf(files.get(name) as Uint8Array) : null),
    write: async (name, bytes) => void files.set(name, bytes),
    remove: async name => void files.delete(name),
  };
  const shelf = new Shelf(async () => drawer, { place: limit, all: limit }, { own: 'me', isAlive: async () => false });
  const log: string[] = [];
  const snapshots = new Snapshots(shelf, text => log.push(text), null);
  const subject: Subject = {
    place: 'p',
    parts: {},
    preload: ['numpy'],
    pack: async () => 'pack',
    content: async () => 'files',
    script: async () => '',
    files: async () => new Map(),
    shipped: null,
  };
  snapshots.seek(subject, true);
  const kept = async () => {
    const bytes = [...files].find(([name]) => name.endsWith('.snapshot'))?.[1];
    return bytes && (await decodeBytes(bytes));
  };
  return { snapshots, kept, log };
}

/** Its copies have as many pages as it has imported modules, and one. */
function savingOf(fails = ''): Saving {
  let pages = 1;
  return {
    take: () => ({
      memory: { size: pages * PAGE, runs: [[0, pages]], data: new Uint8Array(pages * PAGE).fill(1) },
      outside: {},
      libraries: pages > 1 ? ['/lib/numpy.so'] : [],
    }),
    preload: async modules => {
      pages += modules.length;
      if (fails) {
        throw new Error(fails);
      }
    },
    restore: () => Promise.reject(new Error('nobody asks')),
  };
}

const preloading = (lost = false): Preloading => ({ modules: ['numpy'], fetch: async () => undefined, hasLost: () => lost });

test('what is kept has the modules, and says so', async () => {
  const { snapshots, kept } = shelfWith();
  assert.equal(await snapshots.makeWith(preloading(), savingOf()), null);
  const snapshot = await kept();
  assert.deepEqual(snapshot?.preload, { modules: ['numpy'], why: '' });
  assert.equal(snapshot?.size, 2 * PAGE);
});

test('an import that fails, and a copy that is too large, leave the one of before the import, with the reason', async () => {
  const failing = shelfWith();
  assert.equal(await failing.snapshots.makeWith(preloading(), savingOf('there is no numpy')), null);
  const bare = await failing.kept();
  assert.equal(bare?.size, PAGE);
  assert.deepEqual(bare?.preload?.modules, []);
  assert.match(bare?.preload?.why ?? '', /there is no numpy/);
  assert.ok(failing.log.some(text => /without numpy: .*there is no numpy/.test(text)));
  const small = shelfWith(2.5 * PAGE);
  assert.equal(await small.snapshots.makeWith(preloading(), savingOf()), null);
  const kept = await small.kept();
  assert.equal(kept?.size, PAGE);
  assert.match(kept?.preload?.why ?? '', /more than 10240 are not kept/);
});

test('a pack brings it with modules where they are to be in it, and says what a restore reads', async () => {
  const full = shelfWith();
  assert.deepEqual(await full.snapshots.ship(savingOf(), preloading()), { needs: ['/lib/numpy.so'], without: '' });
  assert.deepEqual((await full.kept())?.preload, { modules: ['numpy'], why: '' });
  const bare = shelfWith();
  assert.deepEqual(await bare.snapshots.ship(savingOf(), null), { needs: [], without: '' });
  assert.equal((await bare.kept())?.preload, null);
});

test('where they cannot be in it the pack brings the bare one, which says why, and no visitor tries again', async () => {
  const failing = shelfWith();
  const shipped = await failing.snapshots.ship(savingOf('no numpy'), preloading());
  assert.ok(typeof shipped === 'object' && /no numpy/.test(shipped.without), String(shipped));
  assert.deepEqual(shipped.needs, []);
  assert.deepEqual((await failing.kept())?.preload, { modules: [], why: shipped.without });
  assert.match(String(await shelfWith().snapshots.ship(savingOf(), preloading(true))), /cannot be read/);
});

test('where there is no room for them the pack brings the bare one, and a visitor with more room may try', async () => {
  const { snapshots, kept } = shelfWith(2.5 * PAGE);
  const shipped = await snapshots.ship(savingOf(), preloading());
  assert.ok(typeof shipped === 'object' && /more than 10240 are not kept/.test(shipped.without), String(shipped));
  assert.deepEqual(shipped.needs, []);
  assert.deepEqual([(await kept())?.size, (await kept())?.preload], [PAGE, null]);
});

test('what could not be read is no reason to give up: nothing is kept', async () => {
  for (const fails of ['', 'no file']) {
    const { snapshots, kept } = shelfWith();
    assert.match(String(await snapshots.makeWith(preloading(true), savingOf(fails))), /cannot be read/);
    assert.equal(await kept(), undefined);
  }
});

test('a file is found behind links', () => {
  const index = {
    format: '1.0',
    needed: {},
    tree: { lib: { 'a.so': [3, 0, 0], 'a.so.1': 'a.so', inner: { 'b.so': '../a.so.1', lost: '../none', circle: 'circle' } } },
  };
  const archive = { path: 'a', size: 1, sha256: '', digest: '', rawSize: 10, load: 'demand' } as const;
  const tree = parseTree(new TextEncoder().encode(JSON.stringify(index)), 'index', [archive]);
  assert.deepEqual(
    ['lib/a.so', 'lib/inner/b.so', 'lib/inner/lost', 'lib/inner/circle', 'lib', 'lib/none'].map(path => fileBehind(tree, path)?.size),
    [3, 3, undefined, undefined, undefined, undefined]
  );
});
