import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sha256Hex, sha256Sync } from '../src/io/digest';
import { verify, verifySync } from '../src/io/verify';
import { failure, sha256, utf8 } from './support/pack';

const DATA = utf8('the right bytes');
const EXPECTED = { path: 'archives/x.tar.zst', size: DATA.length, sha256: sha256(DATA) };

const CASES = [
  [
    'fewer bytes',
    DATA.subarray(1),
    'Truncated',
    /^truncated file: "archives\/x\.tar\.zst" has 14 bytes, the manifest says 15$/,
  ],
  ['no bytes', new Uint8Array(0), 'Truncated', /has 0 bytes/],
  [
    'more bytes',
    utf8('the right bytes!'),
    'SizeMismatch',
    /^wrong file: "archives\/x\.tar\.zst" has 16 bytes, the manifest says 15$/,
  ],
  [
    'one other bit',
    utf8('the right byter'),
    'HashMismatch',
    /^wrong content: .* has SHA-256 [0-9a-f]{64}, the manifest says [0-9a-f]{64}$/,
  ],
  [
    'a page',
    utf8('\n <!DOCTYPE html><title>App</title>'),
    'HtmlInsteadOfFile',
    /answered an HTML page in place of "archives/,
  ],
  ['a page without doctype', utf8('<HTML>'), 'HtmlInsteadOfFile', /HTML page/],
] as const;

test('the right bytes pass, also from the middle of a buffer', async () => {
  await verify(DATA, EXPECTED);
  verifySync(DATA, EXPECTED);
  verifySync(utf8('xx the right bytes yy').subarray(3, 18), EXPECTED);
});

for (const [what, data, name, message] of CASES) {
  test(`${what} in the file's place: ${name}`, async () => {
    await assert.rejects(verify(data, EXPECTED), failure(name, message, EXPECTED.path));
    assert.throws(() => verifySync(data, EXPECTED), failure(name, message, EXPECTED.path));
  });
}

test('every refusal says what to do', async () => {
  for (const [, data] of CASES) {
    await assert.rejects(verify(data, EXPECTED), (error: any) => /deploy/.test(error.failure.hint));
  }
});

test('both digests are SHA-256, also without the platform', async t => {
  assert.equal(sha256Sync(DATA), sha256(DATA));
  assert.equal(await sha256Hex(DATA), sha256(DATA));
  t.mock.getter(globalThis, 'crypto', () => ({}));
  assert.equal(await sha256Hex(DATA), sha256(DATA));
});
