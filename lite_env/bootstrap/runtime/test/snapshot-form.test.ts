/** Snapshots as bytes: what goes in comes out, and what is damaged does not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeSnapshot, encodeSnapshot, filesOf } from '../src/snapshot/form';
import { differing, keyOf } from '../src/snapshot/key';
import { checkPages, PAGE, putPages, takePages } from '../src/snapshot/pages';
import { Unusable } from '../src/snapshot/unusable';

/** Memory in which only these pages are not zero. */
function memoryOf(pages: number, ...written: number[]): Uint8Array {
  const memory = new Uint8Array(pages * PAGE);
  written.forEach(page => (memory[page * PAGE + (page % PAGE)] = page + 1));
  return memory;
}

const isUnusable = (reason: RegExp) => (error: unknown) => error instanceof Unusable && reason.test(error.message);

const SNAPSHOT = async () => ({
  key: await keyOf({ pack: 'a', variables: '[]' }),
  memory: takePages(memoryOf(6, 1, 2, 5)),
  preload: { modules: ['numpy'], why: '' },
  outside: { clock: 12.5, names: ['é'] },
});

test('pages that are zero are left out, and come back as zero', () => {
  const memory = memoryOf(8, 0, 3, 4, 7);
  const pages = takePages(memory);
  assert.deepEqual(pages.runs, [[0, 1], [3, 2], [7, 1]]);
  assert.equal(pages.data.length, 4 * PAGE);
  const target = new Uint8Array(10 * PAGE).fill(9, 0, 10 * PAGE);
  putPages(pages, target, target.length);
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
  putPages(takePages(memoryOf(4, 0)), target, 2 * PAGE);
  assert.equal(target[PAGE], 0);
  assert.equal(target[2 * PAGE], 7);
});

test('memory that is smaller than it was is refused', () => {
  assert.throws(() => putPages(takePages(memoryOf(2, 1)), new Uint8Array(PAGE), PAGE), isUnusable(/4096 bytes, the snapshot 8192/));
});

test('a table of pages that overlap, or lie outside, is refused', () => {
  const pages = takePages(memoryOf(6, 1, 2, 5));
  checkPages(pages);
  for (const runs of [[[1, 2], [2, 1]], [[1, 2], [9, 1]], [[1, 2]], [[4, 3]], [[-1, 3]], [[1, 0.5]], [[1]]]) {
    assert.throws(() => checkPages({ ...pages, runs: runs as never }), Unusable, JSON.stringify(runs));
  }
});

test('a snapshot is read as it was written', async () => {
  const snapshot = await SNAPSHOT();
  const read = await decodeSnapshot(await encodeSnapshot(snapshot));
  assert.deepEqual(read.outside, snapshot.outside);
  assert.deepEqual(read.key, snapshot.key);
  assert.deepEqual(read.preload, snapshot.preload);
  assert.equal((await decodeSnapshot(await encodeSnapshot({ ...snapshot, preload: null }))).preload, null);
  assert.deepEqual(read.memory.runs, snapshot.memory.runs);
  assert.deepEqual(read.memory.data, snapshot.memory.data);
});

test('files lie behind it, each with a digest of its own, and what is wrong with them is not wrong with it', async () => {
  const snapshot = await SNAPSHOT();
  const files = new Map([['one', new Uint8Array([1, 2, 3])], ['none', new Uint8Array(0)], ['two', new Uint8Array(PAGE + 1).fill(7)]]);
  const bytes = await encodeSnapshot(snapshot, files);
  assert.deepEqual(filesOf(bytes), files);
  assert.deepEqual((await decodeSnapshot(bytes)).memory.data, snapshot.memory.data);
  assert.deepEqual(filesOf(await encodeSnapshot(snapshot)), new Map());
  bytes[bytes.length - 1] = 8;
  assert.deepEqual((await decodeSnapshot(bytes)).outside, snapshot.outside);
  await assert.rejects(decodeSnapshot(bytes.subarray(0, -1)), isUnusable(/damaged/));
});

test('the same snapshot is the same bytes, in whatever order its key was told', async () => {
  const snapshot = await SNAPSHOT();
  const turned = { ...snapshot, key: await keyOf({ variables: '[]', pack: 'a' }) };
  assert.deepEqual(await encodeSnapshot(turned), await encodeSnapshot(snapshot));
});

test('every bit that is another one is seen', async () => {
  const bytes = await encodeSnapshot(await SNAPSHOT());
  for (let at = 0; at < bytes.length; at += at < 80 ? 1 : 997) {
    const damaged = bytes.slice();
    damaged[at] = (damaged[at] as number) ^ 1;
    await assert.rejects(decodeSnapshot(damaged), isUnusable(/no snapshot|format|damaged|lacks a part|list of files/), `byte ${at}`);
  }
});

test('every length but its own is seen', async () => {
  const bytes = await encodeSnapshot(await SNAPSHOT());
  for (const length of [0, 1, 12, 48, 55, 56, 100, PAGE, PAGE + 1, bytes.length - 1]) {
    await assert.rejects(decodeSnapshot(bytes.subarray(0, length)), Unusable, `${length} bytes`);
  }
  const longer = new Uint8Array(bytes.length + PAGE);
  longer.set(bytes);
  await assert.rejects(decodeSnapshot(longer), isUnusable(/damaged/));
});

test('another format is told', async () => {
  const bytes = await encodeSnapshot(await SNAPSHOT());
  new DataView(bytes.buffer).setUint32(12, 1, true);
  await assert.rejects(decodeSnapshot(bytes), isUnusable(/^it has format 1, not 2$/));
});

test('a key is that of its parts, and two say where they differ', async () => {
  const one = await keyOf({ a: '1', b: '2' });
  const other = await keyOf({ a: '1', b: '3', c: '' });
  assert.equal(one.id, (await keyOf({ b: '2', a: '1' })).id);
  assert.notEqual(one.id, other.id);
  assert.deepEqual(differing(one, other), ['b', 'c']);
});
