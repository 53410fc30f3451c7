import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readPack } from './support/read-pack';

/** Packs of every released version of the format, as they were written then. */
const PACKS = fileURLToPath(new URL('../../../../tests/packs', import.meta.url));
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
      assert.deepEqual(
        found.kernels.map(kernel => kernel.name),
        name === 'python' ? ['xpython'] : ['xlua', 'xother']
      );
      const [first] = found.kernels;
      const [emscripten, python] = name === 'python' ? ['3.1.45', '3.11.3'] : [null, null];
      assert.deepEqual(first?.runtime, { family: 'xeus', emscripten, python, worker: 'classic' });
      assert.deepEqual(first?.start, name === 'python' ? { interpreter: [0], kernel: [1] } : { interpreter: [], kernel: [] });
    });
  }
}
