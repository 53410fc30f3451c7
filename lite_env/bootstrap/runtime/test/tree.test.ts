import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTree, walk } from '../src/pack/tree';
import { failure, utf8 } from './support/pack';

const ARCHIVES = [{ path: 'archives/x.tar.zst', size: 1, sha256: '', digest: '', rawSize: 100, load: 'demand' as const }];
const parse = (document: unknown) => parseTree(utf8(JSON.stringify(document)), 'index-x.json.zst', ARCHIVES);
const tree = (value: unknown) => parse({ format: '1.0', needed: {}, tree: value });
/** Written as text: an object literal would set the prototype. */
const raw = (text: string) => parseTree(utf8(`{"needed": {}, "tree": ${text}}`), 'index-x.json.zst', ARCHIVES);

test('files, executables, links and folders are read, parents before children', () => {
  const { root, needed } = parse({
    needed: { 'lib/a.so': ['libb.so'] },
    tree: { lib: { 'a.so': [10, 0, 0, 1], 'b.py': [90, 0, 10], 'c.py': 'b.py', empty: {} } },
  });
  assert.deepEqual(
    [...walk(root)].map(([path]) => path),
    ['lib', 'lib/a.so', 'lib/b.py', 'lib/c.py', 'lib/empty']
  );
  const entries = new Map(walk(root));
  assert.deepEqual(entries.get('lib/a.so'), { kind: 'file', size: 10, archive: 0, offset: 0, executable: true });
  assert.deepEqual(entries.get('lib/b.py'), { kind: 'file', size: 90, archive: 0, offset: 10, executable: false });
  assert.deepEqual(entries.get('lib/c.py'), { kind: 'link', target: 'b.py' });
  assert.deepEqual(needed.get('lib/a.so'), ['libb.so']);
});

for (const [value, message] of [
  [{ a: [101, 0, 0] }, /at tree\/a: found \[101,0,0\], expected a range inside the 100 bytes of its archive/],
  [{ a: [1, 0, 100] }, /at tree\/a: .* expected a range inside/],
  [{ a: [-1, 0, 0] }, /at tree\/a\[0\]: found -1, expected a whole number/],
  [{ a: [1, 0, -1] }, /at tree\/a\[2\]: found -1, expected a whole number/],
  [{ a: [1, 1, 0] }, /at tree\/a\[1\]: found 1, expected the position of an archive/],
  [{ a: [1, 'x', 0] }, /at tree\/a\[1\]: found "x", expected a whole number/],
  [{ a: [] }, /at tree\/a\[1\]: found nothing, expected a whole number/],
  [{ a: { b: 7 } }, /at tree\/a\/b: found 7, expected an object/],
  [{ a: null }, /at tree\/a: found null, expected an object/],
  [{ '..': [1, 0, 0] }, /at tree: found "\.\.", expected a file name/],
  [{ a: { '.': {} } }, /at tree\/a: found "\.", expected a file name/],
  [{ '': {} }, /at tree: found "", expected a file name/],
  [{ 'a/b': {} }, /at tree: found "a\/b", expected a file name/],
  [{ 'a\\b': {} }, /expected a file name/],
  [{ 'a\0': {} }, /expected a file name/],
  [[], /at tree: found \[\], expected an object/],
] as const) {
  test(`the tree ${JSON.stringify(value)} is refused with its place`, () => {
    assert.throws(() => tree(value), failure('ManifestInvalid', message, 'index-x.json.zst'));
  });
}

test('a name that is no key of an ordinary object is refused', () => {
  assert.throws(
    () => raw('{"__proto__": {"x": [1, 0, 0]}}'),
    failure('ManifestInvalid', /found "__proto__", expected a file name/)
  );
  assert.deepEqual([...walk(raw('{"constructor": [1, 0, 0]}').root)].length, 1);
});

test('needed libraries must be lists of names', () => {
  assert.throws(() => parse({ tree: {} }), failure('ManifestInvalid', /at needed: found nothing, expected an object/));
  const document = { needed: { 'lib/a.so': ['b', 3] }, tree: {} };
  assert.throws(
    () => parse(document),
    failure('ManifestInvalid', /at needed\["lib\/a\.so"\]\[1\]: found 3, expected a string/)
  );
});

test('an index that is no JSON is refused', () => {
  assert.throws(
    () => parseTree(utf8('{'), 'index-x.json.zst', ARCHIVES),
    failure('ManifestInvalid', /^"index-x.json.zst" is not JSON/)
  );
});
