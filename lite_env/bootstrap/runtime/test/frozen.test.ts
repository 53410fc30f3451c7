import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readPack } from './support/read-pack';

/** Packs of every released version of the format, as they were written then. */
const PACKS = fileURLToPath(new URL('../../../../tests/packs', import.meta.url));
const NOTHING = { interpreter: [], kernel: [] };
const STARTS: Record<string, unknown[]> = {
  python: [['xpython', '3.11.3', { interpreter: [0], kernel: [1] }]],
  lua: [['xlua', null, NOTHING], ['xother', null, NOTHING]],
  kernels: [
    ['xlua', null, NOTHING],
    ['xpython-raw', '3.11.3', { interpreter: [0], kernel: [2] }],
    ['xpython', '3.11.3', { interpreter: [0], kernel: [1, 2] }],
  ],
};
const folders = (folder: string) =>
  readdirSync(folder, { withFileTypes: true }).flatMap(entry => (entry.isDirectory() ? [entry.name] : []));

for (const version of folders(PACKS)) {
  for (const name of folders(join(PACKS, version))) {
    test(`a pack of format ${version} is read: ${name}`, async () => {
      const found = await readPack(join(PACKS, version, name));
      const expected = JSON.parse(readFileSync(join(PACKS, version, `${name}.files.json`), 'utf8')) as Record<string, string>;
      const own = new Set(found.kernels.flatMap(kernel => Object.values(kernel.files)));
      for (const [path, content] of Object.entries(expected)) {
        // A kernel's own binaries lie beside the archives.
        assert.ok(path in found.files || own.has(content), path);
        assert.deepEqual(found.files[path] ?? content, content);
      }
      assert.equal(found.environment, name);
      const starts = found.kernels.map(({ name, runtime, start }) => [name, runtime.python, start]);
      assert.deepEqual(starts, STARTS[name]);
      const emscripten = name === 'python' ? '3.1.45' : null;
      found.kernels.forEach(({ runtime }) => {
        assert.deepEqual(runtime, { ...runtime, family: 'xeus', emscripten, worker: 'classic' });
      });
    });
  }
}
