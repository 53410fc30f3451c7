/** Files that came with a snapshot: used where they are right, and nothing is asked for; else fetched as ever. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Inflater } from '../src/io/inflate';
import { Source } from '../src/io/source';
import type { Transport } from '../src/io/transport';
import type { Compressed } from '../src/io/verify';
import { EMPTY_WASM, sha256, text, utf8, zstd } from './support/pack';

function fileOf(raw: Uint8Array): { file: Compressed; data: Uint8Array } {
  const data = zstd(raw);
  const digest = sha256(raw);
  return { file: { path: `kernels/x/${digest}.zst`, size: data.length, sha256: sha256(data), rawSize: raw.length, digest }, data };
}

function inflater(data: Uint8Array, elsewhere: (digest: string) => Promise<Uint8Array | null> | null) {
  const asked: string[] = [];
  const read = async (path: string) => {
    asked.push(path);
    return data;
  };
  const transport = { read, readSync: () => data, evaluate: () => undefined, importModule: async () => ({}) } as Transport;
  const told: string[] = [];
  const source = new Source(transport, envelope => envelope.type === 'progress' && told.push(`${envelope.loaded}/${envelope.total}`));
  return { files: new Inflater(source, elsewhere), asked, told };
}

const here = (bytes: Uint8Array) => () => Promise.resolve(bytes);

test('what is here is not asked for, and told as loaded', async () => {
  const { file, data } = fileOf(utf8('glue'));
  const { files, asked, told } = inflater(data, here(utf8('glue')));
  assert.equal(text(await files.read(file, 'kernel')), 'glue');
  assert.deepEqual(asked, []);
  assert.equal(told.at(-1), `${file.size}/${file.size}`);
});

test('what is not here after all is fetched', async () => {
  const { file, data } = fileOf(utf8('glue'));
  const { files, asked } = inflater(data, () => Promise.resolve(null));
  assert.equal(text(await files.read(file, 'kernel')), 'glue');
  assert.deepEqual(asked, [file.path]);
});

test('what is to be another than the file is looked for under its own name', async () => {
  const { file, data } = fileOf(utf8('glue'));
  const { files, asked } = inflater(data, name => Promise.resolve(name === 'opened' ? utf8('opened glue') : null));
  assert.equal(text((await files.here(file, 'kernel', 'opened')) as Uint8Array), 'opened glue');
  assert.deepEqual(asked, []);
});

test('what is nowhere else is asked for at once', () => {
  const { file, data } = fileOf(utf8('glue'));
  const { files, asked } = inflater(data, () => null);
  void files.read(file, 'kernel').catch(() => undefined);
  assert.deepEqual(asked, [file.path]);
});

test('a module that is here is compiled', async () => {
  const { file, data } = fileOf(EMPTY_WASM);
  const right = inflater(data, here(EMPTY_WASM));
  assert.ok((await right.files.module(file, 'kernel')) instanceof WebAssembly.Module);
  assert.deepEqual(right.asked, []);
});
