import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readKernel } from '../src/family/index';
import { readFiles } from '../src/family/xeus/files';
import { outdated } from '../src/io/outdated';
import { Checker } from '../src/pack/check';
import { parseManifest, selectKernel, type Manifest } from '../src/pack/manifest';
import { failure, makePack, utf8, type Json } from './support/pack';

const HASH = 'a'.repeat(64);
const full = () =>
  makePack({
    archives: [{ 'lib/a.py': 'a' }],
    data: 'data',
    shared: { 'libxeus.so': 'so' },
    variables: { A: 'b' },
    python: '3.13.1',
  }).manifest;
const parse = (document: unknown) => parseManifest(utf8(JSON.stringify(document)));

/** Sets what a dotted path such as `archives[0].size` names. */
function put(document: Json, path: string, value: unknown): Json {
  const keys = path.split(/[.[\]]+/).filter(key => key !== '');
  const last = keys.pop() as string;
  keys.reduce<Json>((above, key) => above[key], document)[last] = value;
  return document;
}

/** The first kernel, as its family reads it. */
const filesOf = (manifest: Manifest) => readFiles(selectKernel(manifest, null), new Checker('manifest.json'), 'kernels[0]');

test('a manifest is read whole', () => {
  const manifest = parse(full());
  assert.equal(manifest.environment, 'test');
  assert.deepEqual(manifest.variables, { A: 'b' });
  const runtime = { family: 'xeus', emscripten: '4.0.9', python: '3.13.1', worker: 'classic' };
  assert.deepEqual(manifest.kernels[0]?.runtime, runtime);
  assert.equal(manifest.archives[0]?.path, `archives/${full()['archives'][0].digest}.tar.zst`);
  assert.equal(manifest.index.path, `index-${full()['index'].digest}.json.zst`);
  const kernel = filesOf(manifest);
  assert.deepEqual(kernel.argv, ['/bin/xtest', '-f', '{connection_file}']);
  assert.equal(kernel.data?.path, 'kernels/xtest/xtest.data.zst');
  assert.deepEqual([...kernel.shared.keys()], ['libxeus.so']);
  assert.deepEqual(manifest.mounts, { prefix: '/', drive: '/drive' });
});

test('the archives of traced imports are read', () => {
  const document = full();
  assert.deepEqual([...parse(document).imports], []);
  document['archives'][0].load = 'import';
  assert.deepEqual([...parse({ ...document, imports: { numpy: [0], six: [] } }).imports], [['numpy', [0]], ['six', []]]);
});

for (const [positions, load] of [
  [[1], 'import'],
  [[0], 'demand'],
  [['0'], 'import'],
] as const) {
  test(`imports of ${JSON.stringify(positions)} with an archive for ${load} are refused`, () => {
    const document: Json = { ...full(), imports: { numpy: positions } };
    document['archives'][0].load = load;
    assert.throws(() => parse(document), failure('ManifestInvalid', /at imports\["numpy"\]\[0\]: found/));
  });
}

test('a kernel without data and shared libraries is read', () => {
  const document = full();
  document['kernels'][0].files = document['kernels'][0].files.slice(0, 3);
  const kernel = filesOf(parse(document));
  assert.equal(kernel.data, null);
  assert.equal(kernel.shared.size, 0);
});

for (const [path, value, expected] of [
  ['format', 1, 'a string'],
  ['format', '1', 'a version such as "1.0"'],
  ['format', '1.x', 'a version such as "1.0"'],
  ['requires', 'zstd', 'an array'],
  ['requires', [7], 'a string', 'requires[0]'],
  ['environment', null, 'an object'],
  ['environment.name', 3, 'a string'],
  ['environment.variables', [], 'an object'],
  ['environment.variables.A', 1, 'a string'],
  ['kernels', {}, 'an array'],
  ['kernels[0]', 'x', 'an object'],
  ['kernels[0].name', null, 'a string'],
  ['kernels[0].language', 1, 'a string'],
  ['kernels[0].argv', 'x', 'an array'],
  ['kernels[0].argv[1]', 1, 'a string'],
  ['kernels[0].runtime', [], 'an object'],
  ['kernels[0].runtime.family', null, 'a string'],
  ['kernels[0].runtime.emscripten', 4, 'a string'],
  ['kernels[0].runtime.python', '3', 'a version such as "3.11.3"'],
  ['kernels[0].runtime.python', 3.11, 'a string'],
  ['kernels[0].runtime.worker', 'thread', 'one of "classic", "module"'],
  ['kernels[0].start', null, 'an object'],
  ['kernels[0].start.kernel', 1, 'an array'],
  ['kernels[0].files', {}, 'an array'],
  ['kernels[0].files[1]', null, 'an object'],
  ['kernels[0].files[1].role', null, 'a string'],
  ['kernels[0].files[1].name', 1, 'a string'],
  ['kernels[0].files[1].path', '', 'a relative path inside the pack'],
  ['kernels[0].files[1].path', '../secret', 'a relative path inside the pack'],
  ['kernels[0].files[1].path', '/etc/passwd', 'a relative path inside the pack'],
  ['kernels[0].files[1].path', 'a/./b', 'a relative path inside the pack'],
  ['kernels[0].files[1].path', 'a\\..\\b', 'a relative path inside the pack'],
  ['kernels[0].files[1].path', 'a\0b', 'a relative path inside the pack'],
  ['kernels[0].files[1].path', 'https://else.example/x.js', 'a relative path inside the pack'],
  ['kernels[0].files[1].size', -1, 'a whole number'],
  ['kernels[0].files[1].size', 1.5, 'a whole number'],
  ['kernels[0].files[1].size', 2 ** 53, 'a whole number'],
  ['kernels[0].files[1].sha256', HASH.slice(1), 'a SHA-256 in lower-case hex'],
  ['kernels[0].files[1].sha256', HASH.toUpperCase(), 'a SHA-256 in lower-case hex'],
  ['archives', null, 'an array'],
  ['archives[0]', [], 'an object'],
  ['archives[0].digest', '../../x', 'a SHA-256 in lower-case hex'],
  ['archives[0].size', '1', 'a whole number'],
  ['archives[0].sha256', null, 'a SHA-256 in lower-case hex'],
  ['archives[0].raw_size', -5, 'a whole number'],
  ['archives[0].load', null, 'one of "interpreter", "kernel", "import", "demand"'],
  ['archives[0].load', 'import:numpy', 'one of "interpreter", "kernel", "import", "demand"'],
  ['imports', [], 'an object'],
  ['index', null, 'an object'],
  ['index.digest', 'x', 'a SHA-256 in lower-case hex'],
  ['index.raw_size', null, 'a whole number'],
  ['mounts', null, 'an object'],
  ['mounts.prefix', 'env', 'an absolute path'],
  ['mounts.prefix', '/a/../b', 'a relative path inside the pack'],
  ['mounts.drive', 5, 'a string'],
] as const satisfies readonly (readonly [string, unknown, string, string?])[]) {
  test(`${path} = ${JSON.stringify(value)} is refused with its place`, () => {
    const where = (path === 'requires' && Array.isArray(value) ? 'requires[0]' : path).replace(/[[\].\\]/g, '\\$&');
    const message = new RegExp(`^"manifest.json" is invalid at ${where}: found .*, expected ${expected}$`, 's');
    assert.throws(() => parse(put(full(), path, value)), failure('ManifestInvalid', message, 'manifest.json'));
  });
}

test('what is missing is named, and long values are cut', () => {
  const document = full();
  delete document['index'];
  assert.throws(() => parse(document), failure('ManifestInvalid', /at index: found nothing, expected an object$/));
  const message = /found "x{79}, expected/;
  assert.throws(() => parse(put(full(), 'archives', 'x'.repeat(500))), failure('ManifestInvalid', message));
});

test('a document that is no object, no JSON or no UTF-8 is refused', () => {
  assert.throws(() => parse([]), failure('ManifestInvalid', /at the top: found \[\], expected an object/));
  assert.throws(
    () => parseManifest(utf8('<html>')),
    failure('ManifestInvalid', /^"manifest.json" is not JSON: /, 'manifest.json')
  );
  assert.throws(() => parseManifest(new Uint8Array([0x22, 0xff, 0x22])), failure('ManifestInvalid', /is not JSON/));
});

test('an unknown major is refused before anything else is looked at', () => {
  assert.throws(
    () => parse({ format: '3.0' }),
    failure('UnsupportedFormat', /has format 3\.0, this bootstrap reads 1\.x and 2\.x/)
  );
  assert.throws(() => parse({ format: '0.9' }), failure('UnsupportedFormat', /format 0\.9/));
});

test('an unknown minor with unknown keys is read', () => {
  const document: Json = { ...full(), format: '2.99', novelty: { deep: true } };
  document['kernels'][0].novelty = 1;
  assert.equal(parse(document).environment, 'test');
});

test('an unknown requirement is refused by its name', () => {
  const message = /^the pack requires "brotli", which this bootstrap does not know$/;
  assert.throws(
    () => parse(put(full(), 'requires', ['brotli'])),
    failure('UnsupportedFormat', message, 'manifest.json')
  );
});

test('a kernel of an unknown family is refused by its name when it is chosen, and no other', () => {
  const document = full();
  const [known] = document['kernels'];
  document['kernels'].push({ ...known, name: 'other', runtime: { ...known.runtime, family: 'telepathy' } });
  const manifest = parse(document);
  assert.equal(selectKernel(manifest, 'xtest').name, 'xtest');
  const message = /^the kernel "other" is of the family "telepathy", which is not known$/;
  assert.throws(() => readKernel(manifest, selectKernel(manifest, 'other')), failure('UnsupportedFormat', message, 'manifest.json'));
});

for (const role of ['script', 'wasm']) {
  test(`a kernel with two files that are its ${role}, or with none, is refused when it is chosen`, () => {
    const document = full();
    const files = document['kernels'][0].files as Json[];
    const choose = (changed: Json[]) => () => {
      document['kernels'][0].files = changed;
      filesOf(parse(document));
    };
    const message = (count: number) => new RegExp(`at kernels\\[0\\]\\.files: found ${count}, expected one "${role}"$`);
    const twice = [...files, ...files.filter(file => file['role'] === role)];
    assert.throws(choose(twice), failure('ManifestInvalid', message(2)));
    assert.throws(choose(files.filter(file => file['role'] !== role)), failure('ManifestInvalid', message(0)));
  });
}

for (const [phase, position, load] of [
  ['interpreter', 1, 'kernel'],
  ['kernel', 0, 'demand'],
] as const) {
  test(`a start that loads archive ${position} for the ${phase}, of one that loads on ${load}, is refused`, () => {
    const document = full();
    document['archives'][0].load = load;
    document['kernels'][0].start[phase] = [position];
    const message = new RegExp(`at kernels\\[0\\]\\.start\\.${phase}\\[0\\]: found ${position}, expected the position`);
    assert.throws(() => parse(document), failure('ManifestInvalid', message));
  });
}

test('a kernel is chosen by name, or is the first', () => {
  const document = full();
  document['kernels'].push({ ...document['kernels'][0], name: 'other' });
  const manifest = parse(document);
  assert.equal(selectKernel(manifest, null).name, 'xtest');
  assert.equal(selectKernel(manifest, undefined).name, 'xtest');
  assert.equal(selectKernel(manifest, 'other').name, 'other');
  assert.throws(
    () => selectKernel(manifest, 'nope'),
    (error: any) => error.failure.name === 'KernelUnknown' && error.failure.hint === 'it has "xtest", "other"'
  );
});

test('a pack without a kernel says what to add', () => {
  const manifest = parse(put(full(), 'kernels', []));
  assert.throws(() => selectKernel(manifest, null), failure('KernelUnknown', /^the pack has no kernel$/));
});

/** A site's copy: all archives lie in the site's folder. */
function onSite(document: Json): Json {
  const shared = (document['archives'] as Json[]).map(({ digest, sha256 }) => [
    `archives/${digest}.tar.zst`,
    `../../files/${sha256}.tar.zst`,
  ]);
  return { ...document, requires: ['shared-files'], shared: Object.fromEntries(shared) };
}

test("a site's copy says where shared files lie; the others are the pack's own", () => {
  const document = onSite(full());
  const manifest = parse(document);
  assert.equal(manifest.archives[0]?.path, `../../files/${document['archives'][0].sha256}.tar.zst`);
  assert.equal(manifest.archives[0]?.sha256, document['archives'][0].sha256);
  assert.equal(manifest.index.path, `index-${document['index'].digest}.json.zst`);
  const { script } = filesOf(manifest);
  document['shared'][script.path] = `../../files/${script.sha256}.js.zst`;
  assert.equal(filesOf(parse(document)).script.path, `../../files/${script.sha256}.js.zst`);
});

test('a snapshot that the pack brings is read, lies where the site has it, and is kept', async () => {
  assert.equal(parse(full()).kernels[0]?.snapshot, null);
  const snapshot = { path: 'kernels/xtest/snapshot-aa.zst', digest: HASH, raw_size: 9, size: 5, sha256: HASH };
  const document = put(onSite(full()), 'kernels[0].snapshot', snapshot);
  assert.equal(parse(document).kernels[0]?.snapshot?.rawSize, 9);
  document['shared'][snapshot.path] = `../../files/${HASH}.zst`;
  assert.equal(parse(document).kernels[0]?.snapshot?.path, `../../files/${HASH}.zst`);
  assert.throws(() => parse(put(document, 'kernels[0].snapshot', { ...snapshot, path: '../x' })), failure('ManifestInvalid', /snapshot\.path/));
  assert.throws(() => parse(put(document, 'kernels[0].snapshot', 7)), failure('ManifestInvalid', /snapshot: found 7/));
  assert.deepEqual(parse(put(full(), 'kernels[0].snapshot', { ...snapshot, archives: [0] })).kernels[0]?.snapshot?.archives, [0]);
  const more = { ...snapshot, archives: [99] };
  assert.throws(() => parse(put(document, 'kernels[0].snapshot', more)), failure('ManifestInvalid', /snapshot\.archives\[0\]: found 99/));
  const own = parse(put(full(), 'kernels[0].snapshot', snapshot));
  const base = 'https://host/pack/';
  const urls = [`${base}${snapshot.path}`, `${base}kernels/xtest/snapshot-bb.zst`];
  assert.deepEqual(await outdated(base, own, { urls, read: async () => new Uint8Array() }), urls.slice(1));
});

test('only a manifest that requires it has shared files', () => {
  assert.equal(parse({ ...onSite(full()), requires: [] }).archives[0]?.path, parse(full()).archives[0]?.path);
  assert.throws(() => parse({ ...full(), requires: ['shared-files'] }), failure('ManifestInvalid', /at shared: found/));
});

for (const place of [
  '../files/HASH.tar.zst',
  '../../../files/HASH.tar.zst',
  '../../files/x.tar.zst',
  '../../files/HASH/../../x',
  '../../files/HASH.tar.zst?x',
  'https://evil.example/files/HASH.tar.zst',
  '//evil.example/HASH',
  `../../files/${HASH}.tar.zst`,
  7,
]) {
  test(`shared files at ${JSON.stringify(place)} are refused`, () => {
    const document = onSite(full());
    const [path] = Object.keys(document['shared'] as Json) as [string];
    const text = typeof place === 'string' ? place.replace('HASH', document['archives'][0].sha256) : place;
    document['shared'] = { [path]: text };
    assert.throws(() => parse(document), failure('ManifestInvalid', /at shared\["archives/));
  });
}
