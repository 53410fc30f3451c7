/** Where snapshots are kept: what stays, what goes, and what is not used again. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mock, test } from 'node:test';
import { readerOf, type Reader } from '../src/io/reader';
import { keyOf } from '../src/snapshot/key';
import { folderShelf } from '../src/snapshot/node-shelf';
import { Shelf, whatGoes, type Drawer, type Entry } from '../src/snapshot/shelf';
import { Unusable } from '../src/snapshot/unusable';

const LIMITS = { place: 100, all: 250 };

// A clock that advances whenever somebody looks at it.
let clock = 1e12;
mock.method(Date, 'now', () => (clock += 1));

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

async function entryOf(place: string, pack = 'pack', variables = ''): Promise<Entry> {
  return { place, pack, key: await keyOf({ place, pack, variables }) };
}

const shelfOn = (drawer: Drawer, own = 'me', alive: readonly string[] = []) =>
  new Shelf(async () => drawer, LIMITS, { own, isAlive: async owner => alive.includes(owner) });

const bytes = (length: number) => new Uint8Array(length).fill(1);

function contentOf(reader: Reader | null): Uint8Array | null {
  const content = reader && new Uint8Array(reader.size);
  content && reader.read(content, 0);
  return content;
}

test('what is kept is found, by its own key alone', async () => {
  const shelf = shelfOn(new Memory());
  await shelf.keep(await entryOf('a'), bytes(10));
  assert.deepEqual(contentOf(await shelf.take(await entryOf('a'))), bytes(10));
  assert.equal(await shelf.take(await entryOf('b')), null);
  assert.equal(await shelf.take(await entryOf('a', 'pack', 'X=1')), null);
});

test('whether a place has any is known once the names have come, and not before', async () => {
  const drawer = new Memory();
  await shelfOn(drawer).keep(await entryOf('a'), bytes(10));
  const shelf = shelfOn(drawer);
  assert.equal(shelf.has('a'), null);
  shelf.look();
  assert.equal(shelf.has('a'), null);
  await new Promise(resolve => setTimeout(resolve));
  assert.equal(shelf.has('a'), true);
  assert.equal(shelf.has('b'), false);
});

test('where no drawer can be opened there is nothing', async () => {
  const shelf = new Shelf(() => Promise.reject(new Error('no')), LIMITS, { own: '', isAlive: async () => false });
  shelf.look();
  await new Promise(resolve => setTimeout(resolve));
  assert.equal(shelf.has('a'), false);
});

test('what a browser says that it has written, and has not, is not kept', async () => {
  class Forgetful extends Memory {
    override async write(): Promise<void> {}
  }
  await assert.rejects(shelfOn(new Forgetful()).keep(await entryOf('a'), bytes(10)), Unusable);
});

test('one whose start never ended is thrown away', async () => {
  const drawer = new Memory();
  const entry = await entryOf('a');
  await shelfOn(drawer).keep(entry, bytes(10));
  assert.ok(await shelfOn(drawer, 'dead').take(entry));
  await assert.rejects(shelfOn(drawer).take(entry), Unusable);
  assert.equal(drawer.files.size, 0);
});

test('one that is thrown away at once leaves no mark', async () => {
  class Slow extends Memory {
    override async write(name: string, written: Uint8Array): Promise<void> {
      await new Promise(resolve => setTimeout(resolve, written.length === 0 ? 20 : 0));
      await super.write(name, written);
    }
  }
  const drawer = new Slow();
  const shelf = shelfOn(drawer);
  const entry = await entryOf('a');
  await shelf.keep(entry, bytes(10));
  await shelf.take(entry);
  await shelf.drop(entry);
  await new Promise(resolve => setTimeout(resolve, 40));
  assert.equal(drawer.files.size, 0);
});

test('one that another start uses at the moment is used', async () => {
  const drawer = new Memory();
  const entry = await entryOf('a');
  await shelfOn(drawer).keep(entry, bytes(10));
  assert.ok(await shelfOn(drawer, 'other').take(entry));
  assert.ok(await shelfOn(drawer, 'me', ['other']).take(entry));
});

test('one whose kernel ran is used again', async () => {
  const drawer = new Memory();
  const entry = await entryOf('a');
  await shelfOn(drawer).keep(entry, bytes(10));
  const first = shelfOn(drawer, 'dead');
  await first.take(entry);
  await first.sound(entry);
  assert.ok(await shelfOn(drawer).take(entry));
});

test('what an older pack of the same place left goes, and no other place of it', async () => {
  const drawer = new Memory();
  const shelf = shelfOn(drawer);
  await shelf.keep(await entryOf('a', 'old'), bytes(10));
  await shelf.keep(await entryOf('b', 'old'), bytes(10));
  await shelf.keep(await entryOf('a', 'new'), bytes(10));
  assert.equal(await shelf.take(await entryOf('a', 'old')), null);
  assert.ok(await shelf.take(await entryOf('b', 'old')));
  assert.ok(await shelf.take(await entryOf('a', 'new')));
});

test('of one place no more than its bound stays, the least recently used goes first', async () => {
  const drawer = new Memory();
  const shelf = shelfOn(drawer);
  const [one, two, three] = [await entryOf('a', 'p', '1'), await entryOf('a', 'p', '2'), await entryOf('a', 'p', '3')];
  await shelf.keep(one, bytes(40));
  await shelf.keep(two, bytes(40));
  await shelf.sound(one);
  await shelf.keep(three, bytes(40));
  assert.ok(await shelf.take(one));
  assert.equal(await shelf.take(two), null);
  assert.ok(await shelf.take(three));
});

for (const [what, harm] of [
  ['is damaged', (drawer: Memory, used: string) => drawer.files.set(used, new TextEncoder().encode('1e99'))],
  ['is gone', (drawer: Memory, used: string) => drawer.files.delete(used)],
] as const) {
  test(`one whose note of its use ${what} is only older than the others`, async () => {
    const drawer = new Memory();
    const shelf = shelfOn(drawer);
    const [one, two, three] = [await entryOf('a', 'p', '1'), await entryOf('a', 'p', '2'), await entryOf('a', 'p', '3')];
    await shelf.keep(one, bytes(40));
    await shelf.keep(two, bytes(40));
    harm(drawer, [...drawer.files.keys()].filter(name => name.endsWith('.used'))[1] as string);
    assert.ok(await shelf.take(two));
    await shelf.keep(three, bytes(40));
    assert.ok(await shelf.take(one));
    assert.equal(await shelf.take(two), null);
  });
}

test('one that was made and whose use nobody could note is kept', async () => {
  class Full extends Memory {
    override async write(name: string, written: Uint8Array): Promise<void> {
      await (name.endsWith('.used') ? Promise.reject(new Error('full')) : super.write(name, written));
    }
  }
  const shelf = shelfOn(new Full());
  await shelf.keep(await entryOf('a'), bytes(10));
  assert.ok(await shelf.take(await entryOf('a')));
});

test('over all no more than the bound stays', async () => {
  const drawer = new Memory();
  const shelf = shelfOn(drawer);
  for (const place of ['a', 'b', 'c', 'd']) {
    await shelf.keep(await entryOf(place), bytes(80));
  }
  assert.equal(await shelf.take(await entryOf('a')), null);
  assert.ok(await shelf.take(await entryOf('b')));
  assert.ok(await shelf.take(await entryOf('d')));
});

test('one that is larger than a place may be is not kept, and nothing goes for it', async () => {
  const drawer = new Memory();
  const shelf = shelfOn(drawer);
  await shelf.keep(await entryOf('a'), bytes(50));
  await assert.rejects(shelf.keep(await entryOf('b'), bytes(101)), Unusable);
  assert.ok(await shelf.take(await entryOf('a')));
});

test('a place that is full of others makes room without end', () => {
  assert.deepEqual(whatGoes([], { name: 'a-p-1', size: 300 }, LIMITS), []);
  const kept = [{ name: 'a-p-1', size: 90, used: 1 }];
  assert.deepEqual(whatGoes(kept, { name: 'a-p-1', size: 90 }, LIMITS), ['a-p-1']);
});

test('a shelf that does not answer is not waited for', async () => {
  class Silent extends Memory {
    override open(): Promise<null> {
      return new Promise(() => undefined);
    }
  }
  const shelf = new Shelf(async () => new Silent(), LIMITS, { own: '', isAlive: async () => false }, 20);
  await assert.rejects(shelf.take(await entryOf('a')), /does not answer/);
});

test('in a folder: whole files, and none where the folder is not', async () => {
  const folder = join(mkdtempSync(join(tmpdir(), 'snapshots-')), 'deep', 'er');
  const shelf = folderShelf(folder, LIMITS);
  const entry = await entryOf('a');
  assert.equal(await shelf.take(entry), null);
  await shelf.keep(entry, bytes(10));
  const reader = await shelf.take(entry);
  assert.deepEqual(contentOf(reader), bytes(10));
  reader?.close();
  await shelf.sound(entry);
  assert.deepEqual(readdirSync(folder).map(name => name.slice(name.lastIndexOf('.'))).sort(), ['.snapshot', '.used']);
  await shelf.drop(entry);
  assert.deepEqual(readdirSync(folder), []);
});

test('in a folder: a process that is gone has crashed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'snapshots-'));
  const shelf = folderShelf(folder, LIMITS);
  const entry = await entryOf('a');
  await shelf.keep(entry, bytes(10));
  assert.ok(await shelf.take(entry));
  await new Promise(resolve => setTimeout(resolve, 100)); // The mark is not waited for.
  const mark = readdirSync(folder).find(name => name.endsWith('.tried')) as string;
  assert.ok(await shelf.take(entry), 'this process lives');
  renameSync(join(folder, mark), join(folder, mark.replace(/~[0-9]+/, '~999999999')));
  await assert.rejects(shelf.take(entry), Unusable);
});
