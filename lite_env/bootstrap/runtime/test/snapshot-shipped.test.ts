/** Snapshots that a pack brings: used where the visitor has none, and never a wrong one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BootError } from '../src/errors';
import { readerOf, type Reader } from '../src/io/reader';
import { encodeSnapshot } from '../src/snapshot/form';
import { featuresOf, holdsHere } from '../src/snapshot/key';
import { takePages } from '../src/snapshot/pages';
import { Shelf, type Drawer } from '../src/snapshot/shelf';
import { Snapshots } from '../src/snapshot/snapshots';
import { shippedKey, type Subject } from '../src/snapshot/subject';

/** A drawer in memory. */
class Memory implements Drawer {
  readonly files = new Map<string, Uint8Array>();

  async names(): Promise<string[]> {
    return [...this.files.keys()];
  }
  async size(name: string): Promise<number | null> {
    return this.files.get(name)?.length ?? null;
  }
  async open(name: string): Promise<Reader | null> {
    const bytes = this.files.get(name);
    return bytes ? readerOf(bytes) : null;
  }
  async write(name: string, bytes: Uint8Array): Promise<void> {
    this.files.set(name, bytes);
  }
  async remove(name: string): Promise<void> {
    this.files.delete(name);
  }
}

const subjectOf = (shipped: Subject['shipped'], variables = ''): Subject => ({
  place: 'site/pack xtest',
  parts: { kernel: 'xtest', variables },
  preload: [],
  pack: async () => 'a manifest',
  content: async () => 'files',
  script: async () => 'new WebAssembly.Memory',
  files: async () => new Map(),
  shipped,
});

async function shippedBytes(features = '', content = 'files'): Promise<Uint8Array> {
  const key = await shippedKey({ ...subjectOf(null), content: async () => content }, features);
  const memory = new Uint8Array(2 * 4096);
  memory[5000] = 7;
  return encodeSnapshot(key, { memory: takePages(memory), outside: { made: true }, libraries: [], preload: null });
}

/** A start on that drawer; what it told. */
function start(drawer: Drawer | null, own = 'me', kept: boolean | null = false): { snapshots: Snapshots; told: string[] } {
  const told: string[] = [];
  const open = async () => drawer ?? Promise.reject(new Error('no storage here'));
  const shelf = new Shelf(open, { place: 1e6, all: 1e6 }, { own, isAlive: async owner => owner === own });
  return { snapshots: new Snapshots(shelf, text => told.push(text), kept), told };
}

test("where the visitor has none the pack's is used, becomes the visitor's, and is not read again", async () => {
  const drawer = new Memory();
  const bytes = await shippedBytes();
  const first = start(drawer);
  assert.equal(first.snapshots.seek(subjectOf(async () => bytes)), true);
  const snapshot = await first.snapshots.whenRead();
  assert.deepEqual(snapshot?.outside, { made: true });
  assert.equal(snapshot?.copied().memory.data[5000 - 4096], 7);
  assert.equal(await first.snapshots.isFound(), true);
  first.snapshots.restored();
  await first.snapshots.settled();
  assert.equal(first.snapshots.figures().shipped, true);
  assert.equal(drawer.files.size, 0, 'the mark of the start is gone');
  assert.equal(await first.snapshots.adopt(), true);
  assert.equal(await first.snapshots.adopt(), false, 'once is enough');

  const second = start(drawer, 'me', true);
  second.snapshots.seek(subjectOf(() => assert.fail('it is read')));
  assert.deepEqual((await second.snapshots.whenRead())?.outside, { made: true });
  second.snapshots.restored();
  assert.equal(second.snapshots.figures().shipped, false);
  assert.equal(await second.snapshots.adopt(), false);
});

test('a pack without one leaves all as it was', async () => {
  const { snapshots } = start(new Memory());
  assert.equal(snapshots.seek(subjectOf(null)), false);
  assert.equal(await snapshots.whenRead(), null);
  assert.equal(await snapshots.isFound(), false);
});

test('to start anew is to start plainly', async () => {
  const { snapshots } = start(new Memory());
  assert.equal(snapshots.seek(subjectOf(() => assert.fail('it is read')), true), false);
});

for (const [what, bytes, subject, why] of [
  ['of other variables', shippedBytes(), (read: Subject['shipped']) => subjectOf(read, 'A=1'), /another start: variables/],
  ['of other files', shippedBytes('', 'older'), subjectOf, /another start: content/],
  ['for another WebAssembly', shippedBytes('-Memory'), subjectOf, /WebAssembly with -Memory/],
  ['that is none', Promise.resolve(new Uint8Array(100)), subjectOf, /it is no snapshot/],
  ['that does not come', Promise.reject(new BootError('NetworkFailed', 'no network')), subjectOf, /no network/],
] as const) {
  bytes.catch(() => undefined);
  test(`one ${what} is told, and not used`, async () => {
    const { snapshots, told } = start(new Memory());
    assert.equal(snapshots.seek(subject(() => bytes)), true);
    assert.equal(await snapshots.whenRead(), null);
    assert.equal(await snapshots.isFound(), false);
    assert.match(snapshots.figures().why, why);
    assert.equal(told.length, 1);
    assert.match(told[0] as string, why);
  });
}

test('one that a start died over is not used again', async () => {
  const drawer = new Memory();
  const bytes = await shippedBytes();
  const dead = start(drawer, 'dead').snapshots;
  dead.seek(subjectOf(async () => bytes));
  assert.ok(await dead.whenRead());
  for (let visit = 0; visit < 2; visit += 1) {
    const { snapshots } = start(drawer);
    snapshots.seek(subjectOf(async () => bytes));
    assert.equal(await snapshots.whenRead(), null);
    assert.match(snapshots.figures().why, /never came to its end/);
  }
});

test('one whose restore failed is not used again', async () => {
  const drawer = new Memory();
  const bytes = await shippedBytes();
  const failing = start(drawer, 'gone').snapshots;
  failing.seek(subjectOf(async () => bytes));
  assert.ok(await failing.whenRead());
  await failing.failed(new Error('no such class'));
  assert.match(failing.figures().why, /no such class/);
  const { snapshots } = start(drawer);
  snapshots.seek(subjectOf(async () => bytes));
  assert.equal(await snapshots.whenRead(), null);
});

test('one whose libraries could not be read is used when they can', async () => {
  const drawer = new Memory();
  const bytes = await shippedBytes();
  const failing = start(drawer, 'gone').snapshots;
  failing.seek(subjectOf(async () => bytes));
  assert.ok(await failing.whenRead());
  await failing.failed(new BootError('NetworkFailed', 'no network'));
  assert.match(failing.figures().why, /no network/);
  assert.equal(failing.figures().preload.why, '');
  const { snapshots } = start(drawer);
  snapshots.seek(subjectOf(async () => bytes));
  assert.ok(await snapshots.whenRead());
});

test('where nothing can be kept it is used all the same', async () => {
  const bytes = await shippedBytes();
  const { snapshots, told } = start(null);
  snapshots.seek(subjectOf(async () => bytes));
  assert.ok(await snapshots.whenRead());
  snapshots.restored();
  assert.equal(await snapshots.adopt(), false);
  assert.match(told.join('\n'), /no snapshot of this kernel is kept: .*no storage here/);
});

test("the visitor's own is taken first, and the pack's where that is damaged", async () => {
  const drawer = new Memory();
  const bytes = await shippedBytes();
  const first = start(drawer).snapshots;
  first.seek(subjectOf(async () => bytes));
  await first.whenRead();
  first.restored();
  await first.adopt();
  for (const [name, kept] of drawer.files) {
    drawer.files.set(name, kept.subarray(0, 1000));
  }
  const { snapshots, told } = start(drawer, 'me', true);
  snapshots.seek(subjectOf(async () => bytes));
  assert.ok(await snapshots.whenRead());
  assert.match(told[0] as string, /is not used: it is damaged/);
  snapshots.restored();
  assert.equal(snapshots.figures().shipped, true);
});

test('a snapshot is bound to what its script looks for in WebAssembly, and to nothing else', () => {
  assert.equal(featuresOf('WebAssembly.Module, WebAssembly.Exceptional'), '');
  const told = featuresOf('typeof WebAssembly.Tag, WebAssembly . Suspender');
  assert.equal(told, '-Suspender +Tag');
  assert.equal(featuresOf('"Suspender"in WebAssembly, "Tag" in WebAssemblies'), '-Suspender');
  assert.ok(holdsHere(told) && holdsHere(''));
  assert.ok(!holdsHere('+Suspender') && !holdsHere('+Tag -Memory'));
});
