import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BootError, type FailureName } from '../src/errors';
import { FORBIDDEN } from '../src/io/redeployed';
import { Source } from '../src/io/source';
import { Zstd } from '../src/io/zstd';
import { ArchiveStore } from '../src/pack/archives';
import { parseManifest } from '../src/pack/manifest';
import { parseTree, walk, type FileEntry } from '../src/pack/tree';
import { failure, makePack, type MemoryPack, MemoryTransport, Recorder, text, utf8, zstd, type PackParts } from './support/pack';
import { withTransfer } from './support/transfer';

async function open(parts: PackParts, keptBytes?: number) {
  const pack = makePack(parts);
  const transport = new MemoryTransport(pack);
  const recorder = new Recorder();
  const source = new Source(transport, recorder.emit);
  const manifest = parseManifest(utf8(JSON.stringify(pack.manifest)));
  const decoder = new Zstd();
  await decoder.init();
  const archives = new ArchiveStore(manifest.archives, source, decoder, keptBytes);
  const tree = parseTree(
    decoder.decode(await transport.read(manifest.index.path), manifest.index.rawSize, 'index'),
    'index',
    manifest.archives
  );
  const entries = new Map([...walk(tree.root)].filter((pair): pair is [string, FileEntry] => pair[1].kind === 'file'));
  const entry = (path: string) => entries.get(path) as FileEntry;
  return { pack, transport, recorder, source, manifest, archives, tree, entry, decoder };
}

test('two askers of one file share a request; a later one asks again', async () => {
  const { transport, source, manifest } = await open({ archives: [{ a: 'x' }] });
  const [archive] = manifest.archives;
  assert.ok(archive);
  const [one, two] = await Promise.all([source.read(archive, 'archive'), source.read(archive, 'archive')]);
  assert.equal(one, two);
  assert.equal(transport.asked.filter(path => path === archive.path).length, 1);
  await source.read(archive, 'archive');
  assert.equal(transport.asked.filter(path => path === archive.path).length, 2);
});

test('a failed request is told to both askers and not remembered', async () => {
  const { transport, source, manifest } = await open({ archives: [{ a: 'x' }] });
  const [archive] = manifest.archives;
  assert.ok(archive);
  transport.broken.set(archive.path, new BootError('NetworkFailed', 'gone', { file: archive.path }));
  const both = await Promise.allSettled([source.read(archive, 'archive'), source.read(archive, 'archive')]);
  assert.deepEqual(
    both.map(({ status }) => status),
    ['rejected', 'rejected']
  );
  transport.broken.clear();
  await source.read(archive, 'archive');
});

test('figures count requests, bytes and seconds', async () => {
  const { source, manifest, pack } = await open({ archives: [{ a: 'x'.repeat(1000) }] });
  const [archive] = manifest.archives;
  assert.ok(archive);
  const document = await source.readUnchecked('manifest.json', 'manifest');
  await source.read(archive, 'archive');
  source.readSync(archive);
  const figures = source.figures(7);
  assert.equal(figures.requests, 3);
  assert.equal(figures.bytes, document.length + 2 * (pack.files.get(archive.path)?.length ?? 0));
  assert.equal(figures.files, 7);
  assert.ok(figures.seconds > 0 && figures.seconds < 60);
});

test('progress ends at the total, blocking or not', async () => {
  const { source, manifest, recorder } = await open({ archives: [{ a: 'x'.repeat(1000) }] });
  const [archive] = manifest.archives;
  assert.ok(archive);
  await source.read(archive, 'archive');
  const last = { type: 'progress', phase: 'archive', file: archive.path, loaded: archive.size, total: archive.size };
  assert.deepEqual(recorder.envelopes.at(-1), last);
  recorder.envelopes.length = 0;
  source.readSync(archive);
  assert.deepEqual(recorder.envelopes, [last]);
});

test('foreign bytes are refused on both ways', async () => {
  const { source, manifest, pack } = await open({ archives: [{ a: 'x' }] });
  const [archive] = manifest.archives;
  assert.ok(archive);
  const stored = pack.files.get(archive.path) as Uint8Array;
  pack.files.set(
    archive.path,
    stored.map((byte, at) => (at === stored.length - 1 ? byte ^ 1 : byte))
  );
  await assert.rejects(source.read(archive, 'archive'), failure('HashMismatch', /wrong content/, archive.path));
  assert.throws(() => source.readSync(archive), failure('HashMismatch', /wrong content/, archive.path));
});

const wrongAnswers = (size: number) => [
  utf8('x'.repeat(size)),
  utf8('half a file'),
  new BootError('HtmlInsteadOfFile', 'a page'),
  new BootError('FileMissing', 'it was not there a year ago'),
];

test('a wrong answer that a cache holds is asked for once more past it, and then it is right', async () => {
  const { source, manifest, transport } = await open({ archives: [{ a: 'x'.repeat(100) }] });
  const [archive] = manifest.archives;
  assert.ok(archive);
  for (const wrong of wrongAnswers(archive.size)) {
    const ways: (() => Promise<Uint8Array>)[] = [
      () => source.read(archive, 'archive'),
      async () => source.readSync(archive),
    ];
    for (const read of ways) {
      transport.askedAnew.length = 0;
      transport.poisoned.set(archive.path, wrong);
      assert.equal((await read()).length, archive.size);
      assert.deepEqual(transport.askedAnew, [archive.path]);
    }
  }
});

test('a wrong answer of the server itself is asked for twice, and no more', async () => {
  const { source, manifest, transport, pack } = await open({ archives: [{ a: 'x'.repeat(100) }] });
  const [archive] = manifest.archives;
  assert.ok(archive);
  pack.files.set(archive.path, utf8('wrong'));
  await assert.rejects(source.read(archive, 'archive'), { name: 'Truncated' });
  assert.equal(transport.asked.filter(path => path === archive.path).length, 2);
  assert.throws(() => source.readSync(archive), { name: 'Truncated' });
  assert.deepEqual(transport.askedSync, [archive.path, archive.path]);
});

test('a network that is not there is not asked twice', async () => {
  const { source, manifest, transport } = await open({ archives: [{ a: 'x' }] });
  const [archive] = manifest.archives;
  assert.ok(archive);
  transport.broken.set(archive.path, new BootError('Offline', 'no network'));
  await assert.rejects(source.read(archive, 'archive'), { name: 'Offline' });
  assert.throws(() => source.readSync(archive), { name: 'Offline' });
  assert.deepEqual(transport.askedAnew, []);
});

test('a blocking read overtakes the request under way: it is ended, its bytes serve both, and none are held', async () => {
  const { archives, entry, source, transport, manifest } = await open({ archives: [{ a: 'x', b: 'y' }] });
  const [archive] = manifest.archives;
  assert.ok(archive);
  const info = () => (archives as unknown as { fetched: Map<number, Uint8Array> }).fetched;
  transport.late.add(archive.path);
  const ahead = archives.fetchAhead(0);
  const waiting = source.read(archive, 'archive');
  assert.equal(text(archives.readFile(entry('a'))), 'x');
  assert.deepEqual(transport.ended, [archive.path]);
  assert.equal((await waiting).length, archive.size);
  await ahead; // It would never come by itself.
  assert.equal(info().size, 0);
  assert.deepEqual([transport.asked.filter(path => path === archive.path).length, transport.askedSync.length], [1, 1]);
});

test('of many archives some are asked for at once, so that a blocking read finds a connection', async () => {
  const { archives, entry, transport, manifest } = await open({ archives: [...'abcdefg'].map(name => ({ [name]: name })) });
  let go: () => void = () => undefined;
  const held = new Promise<void>(resolve => (go = resolve));
  manifest.archives.forEach(({ path }) => transport.held.set(path, held));
  const all = archives.fetchAll(manifest.archives.map((_, position) => position));
  const asked = () => manifest.archives.filter(({ path }) => transport.asked.includes(path)).length;
  await new Promise(resolve => setTimeout(resolve, 5));
  assert.equal(asked(), 4);
  assert.equal(text(archives.readFile(entry('g'))), 'g');
  go();
  await all;
  // What came by the blocking read is not asked for when its turn comes.
  assert.equal(asked(), 6);
});

test('a request that was ended tells nothing more of a file that is there', async () => {
  const { source, transport, manifest, recorder } = await open({ archives: [{ a: 'x' }] });
  const [archive] = manifest.archives;
  assert.ok(archive);
  let tell: ((loaded: number) => void) | undefined;
  const read = transport.read.bind(transport);
  transport.read = (path, onProgress, how) => {
    tell = onProgress;
    return read(path, undefined, how);
  };
  transport.late.add(archive.path);
  const reading = source.read(archive, 'archive');
  await new Promise(resolve => setTimeout(resolve, 60));
  source.readSync(archive);
  tell?.(1);
  await reading;
  const told = recorder.envelopes.filter(envelope => envelope.type === 'progress' && envelope.file === archive.path);
  assert.deepEqual(told.at(-1), { type: 'progress', phase: 'archive', file: archive.path, loaded: archive.size, total: archive.size });
});

test('a request that was ended is not asked for again when it fails, and not kept', async () => {
  const { source, transport, manifest } = await open({ archives: [{ a: 'x' }] });
  const [archive] = manifest.archives;
  assert.ok(archive);
  const kept: string[] = [];
  Object.assign(transport, { keep: ({ path }: { path: string }) => kept.push(path) });
  const reading = source.read(archive, 'archive');
  source.readSync(archive);
  await reading;
  await new Promise(resolve => setTimeout(resolve, 5));
  assert.deepEqual(kept, [archive.path]);
  assert.equal(transport.asked.filter(path => path === archive.path).length, 1);
});

test('a file is a copy: it does not pin its archive', async () => {
  const { archives, entry } = await open({ archives: [{ a: 'first', b: 'second' }] });
  const data = archives.readFile(entry('b'));
  assert.equal(text(data), 'second');
  assert.equal(data.buffer.byteLength, 6);
});

test('an empty file needs no archive', async () => {
  const { archives, transport } = await open({ archives: [{ a: 'x' }] });
  const empty: FileEntry = { kind: 'file', size: 0, archive: 99, offset: 0, executable: false };
  assert.equal(archives.readFile(empty).length, 0);
  assert.deepEqual(transport.askedSync, []);
});

test('an entry of an archive that is not there is refused', async () => {
  const { archives } = await open({ archives: [{ a: 'x' }] });
  const foreign: FileEntry = { kind: 'file', size: 1, archive: 5, offset: 0, executable: false };
  assert.throws(() => archives.readFile(foreign), failure('ManifestInvalid', /the index names archive 5 of 1/));
});

test('what is inflated and not read is kept within its bound, the least recently used goes, and comes again', async () => {
  const body = (letter: string) => letter.repeat(1000);
  const pair = (letter: string) => ({ [letter]: body(letter), [`${letter}2`]: body(letter) });
  const { archives, entry, transport, manifest, tree } = await open({ archives: [pair('a'), pair('b'), pair('c')] }, 2500);
  archives.expect(tree.held);
  const [a, b, c] = manifest.archives.map(({ path }) => path);
  archives.readFile(entry('a'));
  archives.readFile(entry('b'));
  assert.deepEqual(transport.askedSync, [a, b]);
  archives.readFile(entry('c')); // Of each one is left: over the bound, and a was used longest ago.
  assert.equal(text(archives.readFile(entry('c2'))), body('c'));
  assert.deepEqual(transport.askedSync, [a, b, c]);
  assert.equal(text(archives.readFile(entry('a2'))), body('a'));
  assert.deepEqual(transport.askedSync, [a, b, c, a]);
});

test('each file is given once out of an archive that comes once, and a second time it comes for that file alone', async () => {
  const { archives, entry, transport, tree } = await open({ archives: [{ a: 'x', b: 'y', empty: '' }] });
  archives.expect(tree.held);
  archives.readFile(entry('a'));
  assert.equal(text(archives.readFile(entry('b'))), 'y');
  assert.equal(transport.askedSync.length, 1);
  assert.equal(text(archives.readFile(entry('a'))), 'x');
  assert.equal(transport.askedSync.length, 2);
});

test('what is let go gives its memory back at once, and what was given stays', async t => {
  withTransfer(t);
  const { archives, entry, decoder, tree } = await open({ archives: [{ a: 'x'.repeat(900), b: 'y' }, { c: 'z', d: 'z' }] }, 1);
  archives.expect(tree.held);
  const inflated: Uint8Array[] = [];
  const decode = decoder.decodeParts.bind(decoder);
  decoder.decodeParts = (...rest) => {
    const parts = decode(...rest);
    inflated.push(...parts);
    return parts;
  };
  const first = archives.readFile(entry('a'));
  assert.equal(text(archives.readFile(entry('c'))), 'z');
  assert.deepEqual([inflated.map(part => part.length), first.length], [[900, 0, 1, 1], 900]);
  assert.equal(text(archives.readFile(entry('b'))), 'y');
});

test('an archive over the bound serves its reads, and only the last one is kept', async () => {
  const { archives, entry, transport, tree } = await open(
    { archives: [{ a: 'x'.repeat(500), b: 'y', more: 'x'.repeat(500) }, { c: 'z'.repeat(500) }] },
    10
  );
  archives.expect(tree.held);
  archives.readFile(entry('a'));
  assert.equal(text(archives.readFile(entry('b'))), 'y');
  assert.equal(transport.askedSync.length, 1);
  archives.readFile(entry('c'));
  archives.readFile(entry('more'));
  assert.equal(transport.askedSync.length, 3);
});

test('files that begin at the same byte, or lie over each other, are each what the index says', async () => {
  const { archives, manifest, entry } = await open({ archives: [{ a: 'abcdefgh', b: 'ijklmnop' }] });
  const whole = manifest.archives[0]?.rawSize ?? 0;
  const at = (offset: number, size: number): FileEntry => ({ kind: 'file', size, archive: 0, offset, executable: false });
  const start = entry('a').offset;
  const entries = [at(start, 3), at(start, 8), at(start + 2, 2), at(0, whole)];
  archives.expect(new Map([[0, entries]]));
  const read = entries.map(entry => archives.readFile(entry));
  assert.deepEqual(read.slice(0, 3).map(text), ['abc', 'abcdefgh', 'cd']);
  assert.equal(read[3]?.length, whole);
});

test('an index by which the files of an archive have more bytes than it has is refused', () => {
  const archives = [{ path: 'a', size: 1, sha256: '', digest: '', rawSize: 10, load: 'demand' as const }];
  const index = (...files: number[][]) => utf8(JSON.stringify({ needed: {}, tree: Object.fromEntries(files.entries()) }));
  parseTree(index([6, 0, 0], [4, 0, 6]), 'index', archives);
  assert.throws(() => parseTree(index([6, 0, 0], [6, 0, 0]), 'index', archives), failure('ManifestInvalid', /archive of 10/));
});

test('what was fetched ahead opens without a request', async () => {
  const { archives, entry, transport, manifest } = await open({ archives: [{ a: 'x' }, { b: 'y' }], load: 'interpreter' });
  assert.deepEqual(manifest.kernels[0]?.start, { interpreter: [0, 1], kernel: [] });
  await archives.fetchAhead(0);
  await archives.fetchAhead(0);
  assert.equal(text(archives.readFile(entry('a'))), 'x');
  assert.deepEqual(transport.askedSync, []);
  assert.equal(transport.asked.filter(path => path === manifest.archives[0]?.path).length, 1);
  await archives.fetchAhead(0); // It is inflated already.
  assert.equal(transport.asked.filter(path => path === manifest.archives[0]?.path).length, 1);
});

test('a read that fails leaves nothing behind: the next one works', async () => {
  const { archives, entry, transport, manifest } = await open({ archives: [{ a: 'x' }] });
  const path = manifest.archives[0]?.path as string;
  transport.broken.set(path, new BootError('NetworkFailed', 'gone', { file: path }));
  assert.throws(() => archives.readFile(entry('a')), failure('NetworkFailed', /gone/));
  transport.broken.clear();
  assert.equal(text(archives.readFile(entry('a'))), 'x');
});

test('zstd: what is no frame, and what inflates to another size, is refused', async () => {
  const { decoder } = await open({});
  const data = utf8('a'.repeat(300_000));
  assert.deepEqual(decoder.decode(zstd(data), data.length, 'x'), data);
  assert.throws(() => decoder.decode(utf8('no zstd frame'), 10, 'x'), failure('Undecodable', /^"x" /, 'x'));
  assert.throws(
    () => decoder.decode(zstd(data), data.length - 1, 'x'),
    failure('Undecodable', /does not inflate to the 299999 bytes/)
  );
  assert.throws(
    () => decoder.decode(zstd(data), data.length + 1, 'x'),
    failure('Undecodable', /does not inflate to the 300001 bytes/)
  );
});

test('zstd: frames one after the other, and one that ends too early', async () => {
  const { decoder } = await open({});
  const [one, two] = [utf8('a'.repeat(300_000)), utf8('b'.repeat(131_072))];
  const both = Buffer.concat([zstd(one), zstd(two)]);
  assert.equal(text(decoder.decode(both, one.length + two.length, 'x')), text(one) + text(two));
  for (const end of [5, 100_000, both.length - 1]) {
    assert.throws(
      () => decoder.decode(both.subarray(0, end), one.length + two.length, 'x'),
      failure('Undecodable', /^"x" (cannot be inflated|does not inflate)/, 'x')
    );
  }
  assert.equal(decoder.decode(zstd(new Uint8Array(0)), 0, 'x').length, 0);
});

test('zstd: its memory does not grow with the archive, and is given back at rest', async () => {
  const decoder = new Zstd(10);
  await decoder.init();
  decoder.decode(zstd(utf8('x')), 1, 'x');
  const least = decoder.held;
  const data = new Uint8Array(40_000_000).map((_, at) => at >> 9);
  assert.deepEqual(decoder.decode(zstd(data, 17), data.length, 'x'), data);
  assert.equal(decoder.held, least);
  await new Promise(resolve => setTimeout(resolve, 40));
  assert.equal(decoder.held, 0);
  assert.equal(text(decoder.decode(zstd(utf8('again')), 5, 'x')), 'again');
});

test('zstd: no request is made for the decoder', async t => {
  const { fetch } = globalThis;
  t.after(() => Object.assign(globalThis, { fetch }));
  globalThis.fetch = () => assert.fail('a Content-Security-Policy may forbid it');
  const decoder = new Zstd();
  await decoder.init();
  assert.equal(text(decoder.decode(zstd(utf8('x')), 1, 'x')), 'x');
});

for (const how of ['while fetched', 'while the caller blocks'] as const) {
  const gone = async (change: (pack: MemoryPack, transport: MemoryTransport, archive: string) => void, name: FailureName, hint: RegExp) => {
    const { pack, transport, source, manifest } = await open({ archives: [{ a: 'x' }] });
    const [archive] = manifest.archives;
    assert.ok(archive);
    await source.readUnchecked('manifest.json', 'manifest');
    pack.files.delete(archive.path);
    change(pack, transport, archive.path);
    const read = async () => (how === 'while fetched' ? source.read(archive, 'archive') : source.readSync(archive));
    await assert.rejects(read, (error: BootError) => {
      assert.equal(error.name, name);
      assert.equal(error.failure.file, archive.path);
      assert.match(`${error.message} ${error.failure.hint}`, hint);
      return true;
    });
  };

  test(`a file of an older deployment: a newer one was deployed, ${how}`, () =>
    gone(({ manifest }) => (manifest['generator'] = 'newer'), 'Redeployed', /a newer version was deployed .* reload the page/));

  test(`a file of an environment that is not there any more, ${how}`, () =>
    gone((_, transport) => {
      transport.broken.set('manifest.json', new BootError('FileMissing', 'none', { file: 'manifest.json' }));
    }, 'Redeployed', /not deployed here any more: .* removed or renamed/));

  const forbid = (transport: MemoryTransport, path: string) => {
    const refusal = new BootError('HttpStatus', `"${path}" is not there: 403`, { file: path, cause: FORBIDDEN });
    transport.broken.set(path, refusal);
  };

  test(`a host that answers 403 for what it does not have: a newer one was deployed, ${how}`, () =>
    gone(({ manifest }, transport, archive) => {
      forbid(transport, archive);
      manifest['generator'] = 'newer';
    }, 'Redeployed', /a newer version was deployed/));

  test(`a host that refuses a file although its manifest still names it just refuses it, ${how}`, () =>
    gone((_, transport, archive) => forbid(transport, archive), 'HttpStatus', /403/));

  test(`a host that refuses the manifest as well may want a login, ${how}`, () =>
    gone((_, transport, archive) => {
      forbid(transport, archive);
      forbid(transport, 'manifest.json');
    }, 'HttpStatus', /403/));

  test(`a file that is missing although its manifest still names it is just missing, ${how}`, () =>
    gone(() => undefined, 'FileMissing', /^"archives.* is not there/));

  test(`a file that is missing while the manifest cannot be had is just missing, ${how}`, () =>
    gone((_, transport) => {
      transport.broken.set('manifest.json', new BootError('NetworkFailed', 'dead', { file: 'manifest.json' }));
    }, 'FileMissing', /^"archives.* is not there/));
}

test('files that are wanted alone are read out of archives of which nothing else is inflated', async () => {
  const { archives, entry, transport } = await open({ archives: [{ a: 'one', b: 'two', c: 'three' }, { d: 'four' }] });
  const readAlone = async (...names: string[]) => {
    const read: [string, string][] = [];
    const nameOf = new Map(names.map(name => [entry(name), name]));
    await archives.readAlone(names.map(entry), (file, bytes) => read.push([nameOf.get(file) as string, text(bytes)]));
    return read;
  };
  assert.deepEqual(await readAlone('c', 'd', 'a', 'c'), [['a', 'one'], ['c', 'three'], ['d', 'four']]);
  const asked = transport.asked.length;
  // The others come out of what is there, and these once more.
  assert.deepEqual([entry('b'), entry('a')].map(file => text(archives.readFile(file))), ['two', 'one']);
  assert.deepEqual(await readAlone('d'), [['d', 'four']]);
  assert.equal(transport.asked.length, asked);
});
