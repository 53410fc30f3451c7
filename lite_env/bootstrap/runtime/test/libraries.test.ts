import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NeededLibraries } from '../src/kernel/libraries';
import { parseTree } from '../src/pack/tree';
import { MemoryFileSystem } from './support/memfs';
import { failure, utf8 } from './support/pack';

const ARCHIVES = [{ path: 'a', size: 1, sha256: '', digest: '', rawSize: 1000, load: 'demand' as const }];

function linker(
  needed: Record<string, string[]>,
  paths: string[],
  { prefix = '/', links = {} as Record<string, string> } = {}
) {
  const tree: Record<string, any> = {};
  for (const [path, entry] of [...paths.map(path => [path, [1, 0, 0]] as const), ...Object.entries(links)]) {
    const names = path.split('/');
    names.slice(0, -1).reduce((above, name) => (above[name] ??= {}), tree)[names.at(-1) as string] = entry;
  }
  const loaded: string[] = [];
  const flags: Record<string, unknown>[] = [];
  const fs = new MemoryFileSystem();
  const module = {
    ...fs.module,
    FS: fs,
    LDSO: { loadedLibsByName: {} as Record<string, { refcount: number }> },
    loadDynamicLibrary: (path: string, options: Record<string, unknown>) => {
      // The real linker opens the file, whose first open asks for what it needs in turn.
      libraries.loadFor(path.slice(prefix === '/' ? 1 : prefix.length + 1));
      loaded.push(path);
      flags.push(options);
      module.LDSO.loadedLibsByName[path] = { refcount: 1 };
    },
  };
  const libraries = new NeededLibraries(
    module,
    parseTree(utf8(JSON.stringify({ needed, tree })), 'index', ARCHIVES),
    prefix
  );
  return { libraries, loaded, flags, module };
}

test('needed libraries are loaded first, the innermost before the others, once', () => {
  const { libraries, loaded, module } = linker(
    {
      'site/ext.so': ['libouter.so', 'libother.so'],
      'lib/libouter.so': ['libinner.so'],
      'lib/libother.so': ['libinner.so'],
    },
    ['site/ext.so', 'lib/libouter.so', 'lib/libinner.so', 'lib/libother.so']
  );
  libraries.loadFor('site/ext.so');
  assert.deepEqual(loaded, ['/lib/libinner.so', '/lib/libouter.so', '/lib/libother.so']);
  assert.equal(module.LDSO.loadedLibsByName['libinner.so'], module.LDSO.loadedLibsByName['/lib/libinner.so']);
  libraries.loadFor('site/ext.so');
  assert.equal(loaded.length, 3);
});

test('they are loaded globally, at once, and for good, through the file system', () => {
  const { libraries, flags, module } = linker({ 'a.so': ['libb.so'] }, ['a.so', 'lib/libb.so']);
  libraries.loadFor('a.so');
  const { fs, ...rest } = flags[0] as { fs: { findObject(path: string): unknown; readFile(path: string): Uint8Array } };
  assert.deepEqual(rest, { loadAsync: false, global: true, nodelete: true, allowUndefined: true });
  module.FS.write(module.FS.open('/x', 'w'), utf8('body'));
  assert.equal(fs.findObject('/x'), module.FS.lookupPath('/x').node);
  assert.deepEqual(fs.readFile('/x'), utf8('body'));
});

test('libraries that need each other are refused, by both names', () => {
  const needed = { 'x.so': ['a.so'], 'lib/a.so': ['b.so'], 'lib/b.so': ['a.so'] };
  const { libraries, loaded } = linker(needed, ['x.so', 'lib/a.so', 'lib/b.so']);
  const message = /^"lib\/b\.so" and "lib\/a\.so" need each other, so neither can be loaded first$/;
  assert.throws(() => libraries.loadFor('lib/a.so'), failure('AbiMismatch', message, 'lib/b.so'));
  assert.throws(() => libraries.loadFor('x.so'), failure('AbiMismatch', message, 'lib/b.so'));
  assert.deepEqual(loaded, []);
});

test('a library that cannot be loaded is named, forgotten by the linker, and tried again', () => {
  const { libraries, loaded, module } = linker({ 'a.so': ['libb.so'] }, ['a.so', 'lib/libb.so']);
  const load = module.loadDynamicLibrary;
  module.loadDynamicLibrary = path => {
    module.LDSO.loadedLibsByName[path] = { refcount: Infinity };
    throw new module.FS.ErrnoError(29);
  };
  const message = /^"a\.so" needs the shared library "libb\.so", which cannot be loaded: ErrnoError: FS error 29$/;
  assert.throws(() => libraries.loadFor('a.so'), failure('KernelFailed', message, 'a.so'));
  assert.deepEqual(module.LDSO.loadedLibsByName, {});
  module.loadDynamicLibrary = load;
  libraries.loadFor('a.so');
  assert.deepEqual(loaded, ['/lib/libb.so']);
});

test('a library the main module brought is not loaded again', () => {
  const { libraries, loaded, module } = linker({ 'a.so': ['libxeus.so'] }, ['a.so', 'lib/libxeus.so']);
  module.LDSO.loadedLibsByName['libxeus.so'] = { refcount: 1 };
  libraries.loadFor('a.so');
  assert.deepEqual(loaded, []);
});

test('a library that no package holds is named, with who wants it', () => {
  const { libraries } = linker({ 'site/ext.so': ['libnope.so'] }, ['site/ext.so']);
  const message = /^"site\/ext\.so" needs the shared library "libnope\.so", which no package holds$/;
  assert.throws(() => libraries.loadFor('site/ext.so'), failure('AbiMismatch', message, 'site/ext.so'));
});

test('a link counts as a library, the first of one name wins, the prefix is put before', () => {
  const { libraries, loaded } = linker(
    { 'a.so': ['libb.so', 'libc.so'] },
    ['a.so', 'lib/libb.so', 'pkg/libb.so', 'lib/libc.so.1'],
    {
      prefix: '/env',
      links: { 'lib/libc.so': 'libc.so.1' },
    }
  );
  libraries.loadFor('a.so');
  assert.deepEqual(loaded, ['/env/lib/libb.so', '/env/lib/libc.so']);
});

test('a library without needs, and a file that is none, load nothing', () => {
  const { libraries, loaded } = linker({}, ['lib/a.so', 'x.py']);
  libraries.loadFor('lib/a.so');
  libraries.loadFor('x.py');
  assert.deepEqual(loaded, []);
});
