/** Snapshots as bytes: what goes in comes out, and what is damaged does not. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { readerOf } from '../src/io/reader';
import { decodeBytes, decodeSnapshot, encodeSnapshot, type Copied, type Snapshot } from '../src/snapshot/form';
import { differing, keyOf } from '../src/snapshot/key';
import { checkTable, PAGE, putPages, takePages, type Pages } from '../src/snapshot/pages';
import { Unusable } from '../src/snapshot/unusable';

/** Memory in which only these pages are not zero. */
function memoryOf(pages: number, ...written: number[]): Uint8Array {
  const memory = new Uint8Array(pages * PAGE);
  written.forEach(page => (memory[page * PAGE + (page % PAGE)] = page + 1));
  return memory;
}

const isUnusable = (reason: RegExp) => (error: unknown) => error instanceof Unusable && reason.test(error.message);

const KEY = await keyOf({ pack: 'a', variables: '[]' });
const COPIED: Copied = {
  memory: takePages(memoryOf(6, 1, 2, 5)),
  preload: { modules: ['numpy'], why: '' },
  libraries: ['/lib/a.so'],
  outside: { clock: 12.5, names: ['é'] },
};

/** The bytes of pages as they are asked for. */
function takeFrom({ data }: Pages): (into: Uint8Array) => void {
  let from = 0;
  return into => into.set(data.subarray(from, (from += into.length)));
}

/** All that is read of it. */
function filled(snapshot: Snapshot): Uint8Array {
  const memory = new Uint8Array(snapshot.size);
  snapshot.fill(memory, 0);
  return memory;
}

test('pages that are zero are left out, and come back as zero', () => {
  const memory = memoryOf(8, 0, 3, 4, 7);
  const pages = takePages(memory);
  assert.deepEqual(pages.runs, [[0, 1], [3, 2], [7, 1]]);
  assert.equal(pages.data.length, 4 * PAGE);
  const target = new Uint8Array(10 * PAGE).fill(9, 0, 10 * PAGE);
  putPages(pages, takeFrom(pages), target, target.length);
  assert.deepEqual(target.subarray(0, memory.length), memory);
  assert.ok(target.subarray(memory.length).every(byte => byte === 0));
});

test('a number that is a zero of the other sign is no zero', () => {
  const memory = new Uint8Array(PAGE);
  new DataView(memory.buffer).setFloat64(0, -0, true);
  assert.deepEqual(takePages(memory).runs, [[0, 1]]);
});

test('what was never written to is not looked at', () => {
  const target = new Uint8Array(4 * PAGE).fill(7);
  const pages = takePages(memoryOf(4, 0));
  putPages(pages, takeFrom(pages), target, 2 * PAGE);
  assert.equal(target[PAGE], 0);
  assert.equal(target[2 * PAGE], 7);
});

test('memory that is smaller than it was is refused', () => {
  const pages = takePages(memoryOf(2, 1));
  assert.throws(() => putPages(pages, takeFrom(pages), new Uint8Array(PAGE), PAGE), isUnusable(/4096 bytes, the snapshot 8192/));
});

test('a table of pages that overlap, or lie outside, is refused', () => {
  const pages = takePages(memoryOf(6, 1, 2, 5));
  checkTable(pages);
  for (const runs of [[[1, 2], [2, 1]], [[1, 2], [9, 1]], [[4, 3]], [[-1, 3]], [[1, 0.5]], [[1]]]) {
    assert.throws(() => checkTable({ ...pages, runs: runs as never }), Unusable, JSON.stringify(runs));
  }
});

test('a snapshot is read as it was written', async () => {
  const read = await decodeBytes(await encodeSnapshot(KEY, COPIED));
  assert.deepEqual([read.key, read.copied()], [KEY, COPIED]);
  assert.deepEqual([read.outside, read.libraries, read.preload, read.size], [COPIED.outside, ['/lib/a.so'], COPIED.preload, 6 * PAGE]);
  assert.deepEqual(filled(read), memoryOf(6, 1, 2, 5));
  assert.equal((await decodeBytes(await encodeSnapshot(KEY, { ...COPIED, preload: null }))).preload, null);
});

test('files lie behind it, each with a checksum of its own, and what is wrong with one is not wrong with it', async () => {
  const files = new Map([['one', new Uint8Array([1, 2, 3])], ['none', new Uint8Array(0)], ['two', new Uint8Array(PAGE + 1).fill(7)]]);
  const bytes = await encodeSnapshot(KEY, COPIED, files);
  const all = ({ file }: Snapshot, self: Snapshot) => [...files.keys(), 'another'].map(name => file.call(self, name));
  const whole = await decodeBytes(bytes);
  assert.deepEqual(all(whole, whole), [...files.values(), null]);
  assert.deepEqual(whole.copied(), COPIED);
  bytes[bytes.length - 1] = 8;
  const damaged = await decodeBytes(bytes);
  assert.deepEqual(all(damaged, damaged), [files.get('one'), files.get('none'), null, null]);
  assert.deepEqual(filled(damaged), memoryOf(6, 1, 2, 5));
});

test('it is read piece by piece, and what cannot be read any more is told', async () => {
  const bytes = await encodeSnapshot(KEY, COPIED, new Map([['one', new Uint8Array(9)]]));
  const whole = readerOf(bytes);
  let isOpen = true;
  const read = (into: Uint8Array, at: number) => {
    assert.ok(into.length <= 4 * PAGE, 'never all at once');
    isOpen ? whole.read(into, at) : assert.fail('it is gone');
  };
  const snapshot = await decodeSnapshot({ ...whole, read, close: () => void (isOpen = false) });
  assert.deepEqual(filled(snapshot), memoryOf(6, 1, 2, 5));
  snapshot.close();
  assert.equal(isOpen, false);
  assert.throws(() => filled(snapshot), isUnusable(/cannot be read: .*it is gone/));
  assert.equal(snapshot.file('one'), null);
});

test('the same snapshot is the same bytes, in whatever order its key was told', async () => {
  const turned = await keyOf({ variables: '[]', pack: 'a' });
  assert.deepEqual(await encodeSnapshot(turned, COPIED), await encodeSnapshot(KEY, COPIED));
});

test('every bit that is another one is seen', async () => {
  const bytes = await encodeSnapshot(KEY, COPIED);
  for (let at = 0; at < bytes.length; at += at < 80 ? 1 : 97) {
    const damaged = bytes.slice();
    damaged[at] = (damaged[at] as number) ^ 1;
    const read = decodeBytes(damaged).then(snapshot => [snapshot.copied(), filled(snapshot)]);
    // Between the header and the first page lies nothing that is read.
    const isPadding = at >= 56 + lengthOf(bytes) && at < PAGE;
    await (isPadding ? read : assert.rejects(read, isUnusable(/no snapshot|format|damaged/), `byte ${at}`));
  }
});

const lengthOf = (bytes: Uint8Array) => new DataView(bytes.buffer).getUint32(48, true);

test('a header that is none is told, also where its checksum is right', async () => {
  const bytes = await encodeSnapshot(KEY, { ...COPIED, outside: ' '.repeat(200) });
  const header = bytes.subarray(56, 56 + lengthOf(bytes));
  const { key, memory, files, outside: _, ...rest } = JSON.parse(new TextDecoder().decode(header)) as Record<string, unknown>;
  for (const [told, why] of [
    [{ memory, files, ...rest }, /lacks a part/],
    [{ key, files, ...rest }, /lacks a part/],
    [{ key, memory, ...rest }, /list of files/],
    [{ key, memory, files, ...rest, libraries: [1] }, /lacks a part/],
    [{ key, memory: { ...(memory as object), runs: [[4, 9]] }, files, ...rest }, /outside of its memory/],
    [{ key, memory, files: [['x', 7, '']], ...rest }, /it has \d+ bytes of/],
    [[], /lacks a part/],
  ] as const) {
    const text = new TextEncoder().encode(JSON.stringify(told).padEnd(lengthOf(bytes)));
    header.set(text);
    bytes.set(createHash('sha256').update(bytes.subarray(48, 56 + lengthOf(bytes))).digest(), 16);
    await assert.rejects(decodeBytes(bytes), isUnusable(why), JSON.stringify(told));
  }
});

test('every length but its own is seen', async () => {
  const bytes = await encodeSnapshot(KEY, COPIED);
  for (const length of [0, 1, 12, 48, 55, 56, 100, PAGE, PAGE + 1, bytes.length - 1]) {
    await assert.rejects(decodeBytes(bytes.slice(0, length)), Unusable, `${length} bytes`);
  }
  const longer = new Uint8Array(bytes.length + PAGE);
  longer.set(bytes);
  await assert.rejects(decodeBytes(longer), isUnusable(/damaged/));
});

test('another format is told', async () => {
  const bytes = await encodeSnapshot(KEY, COPIED);
  new DataView(bytes.buffer).setUint32(12, 2, true);
  await assert.rejects(decodeBytes(bytes), isUnusable(/^it has format 2, not 3$/));
});

test('a key is that of its parts, and two say where they differ', async () => {
  const one = await keyOf({ a: '1', b: '2' });
  const other = await keyOf({ a: '1', b: '3', c: '' });
  assert.equal(one.id, (await keyOf({ b: '2', a: '1' })).id);
  assert.notEqual(one.id, other.id);
  assert.deepEqual(differing(one, other), ['b', 'c']);
});
