/** What lies outside of a kernel's memory: what can be had again is taken, and all else refuses the snapshot. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LazyTree } from '../src/fs/lazy';
import type { FileEntry, FolderEntry } from '../src/pack/tree';
import { putFiles, takeFiles } from '../src/snapshot/rooms/files';
import { putLinked, takeLinked, type LinkerState } from '../src/snapshot/rooms/linker';
import { EXPORTS, patched } from '../src/snapshot/rooms/script';
import { putValues, takeValues, type Handles } from '../src/snapshot/rooms/values';
import { Unusable } from '../src/snapshot/unusable';
import { MemoryFileSystem } from './support/memfs';

const isUnusable = (reason: RegExp) => (error: unknown) => error instanceof Unusable && reason.test(error.message);

function handlesOf(...values: unknown[]): Handles {
  const constants = [undefined, { value: undefined }, { value: null }, { value: true }, { value: false }];
  return { allocated: [...constants, ...values.map(value => ({ value, refcount: 2 }))], freelist: [], reserved: 5 };
}

test('values of JavaScript are found again where they were', () => {
  const scope = () => ({ setTimeout() {}, lite_env_network: { open() {} }, other: { open() {} } });
  const [before, after] = [scope(), scope()];
  const held = handlesOf(before, before.setTimeout, before.lite_env_network, before.lite_env_network.open, 'text', 3);
  const kept = JSON.parse(JSON.stringify(takeValues(held, before))) as ReturnType<typeof takeValues>;
  const fresh = handlesOf('of the start');
  putValues({ ...kept, free: [7] }, fresh, after);
  assert.deepEqual(
    fresh.allocated.slice(5).map(entry => entry?.value),
    [after, after.setTimeout, after.lite_env_network, after.lite_env_network.open, 'text', 3]
  );
  assert.equal(fresh.allocated[6]?.refcount, 2);
  assert.deepEqual(fresh.freelist, [7]);
});

test('a value that nobody could find again refuses', () => {
  const scope = { other: { open() {} } };
  assert.throws(() => takeValues(handlesOf({}), scope), isUnusable(/\[object Object\]/));
  assert.throws(() => takeValues(handlesOf(scope.other.open), scope), isUnusable(/function "open"/));
  assert.throws(() => takeValues(handlesOf(Symbol('x')), scope), Unusable);
});

test('a value that is not there any more refuses the restore', () => {
  const kept = takeValues(handlesOf(setTimeout), globalThis);
  assert.throws(() => putValues(kept, handlesOf(), {}), isUnusable(/no setTimeout here/));
});

const FILE: FileEntry = { kind: 'file', size: 3, archive: 0, offset: 0, executable: false };
const ROOT: FolderEntry = {
  kind: 'folder',
  children: new Map([['lib', { kind: 'folder', children: new Map([['a.py', FILE]]) }]]),
};
const KNOWN = new Set(['/lib', '/lib/a.py']);

function shown(): MemoryFileSystem {
  const fs = new MemoryFileSystem();
  const options = { readFile: () => new Uint8Array(3), onError: () => undefined };
  new LazyTree({ FS: fs }, options).mount(ROOT, '/');
  return fs;
}

test('what a start has written is written again', () => {
  const fs = shown();
  fs.mkdirTree('/home/x/.ipython');
  fs.writeFile('/home/x/.ipython/README', new TextEncoder().encode('text'));
  const files = takeFiles(fs, KNOWN);
  assert.deepEqual(files.files.map(([path]) => path), ['/home/x/.ipython/README']);
  const again = shown();
  putFiles(files, again);
  assert.equal(new TextDecoder().decode(again.readFile('/home/x/.ipython/README')), 'text');
});

test('files of the environment that were opened are no difference, and those that were changed are so again', () => {
  const fs = shown();
  fs.readFile('/lib/a.py');
  assert.deepEqual(takeFiles(fs, KNOWN).files, []);
  fs.writeFile('/lib/a.py', new TextEncoder().encode('other'));
  const again = shown();
  putFiles(takeFiles(fs, KNOWN), again);
  assert.equal(new TextDecoder().decode(again.readFile('/lib/a.py')), 'other');
});

test('files of the environment that are gone refuse', () => {
  assert.throws(() => takeFiles(shown(), new Set([...KNOWN, '/lib/b.py'])), isUnusable(/removed/));
});

/** As each start has them. */
function withTerminals(fs: MemoryFileSystem): MemoryFileSystem {
  fs.writeFile('/terminal', new Uint8Array(1));
  [0, 1, 2].forEach(() => fs.open('/terminal', 'r+'));
  return fs;
}

test('what is open for reading is read on under its number, and what is open for writing refuses', () => {
  const fs = withTerminals(shown());
  fs.writeFile('/archive', new TextEncoder().encode('text'));
  const stream = fs.open('/archive', 'r');
  stream.position = 2;
  const files = JSON.parse(JSON.stringify(takeFiles(fs, KNOWN))) as ReturnType<typeof takeFiles>;
  assert.deepEqual(files.open, [[stream.fd, '/archive', 2]]);
  const again = withTerminals(shown());
  putFiles(files, again);
  const { path, position } = again.streams[stream.fd] as NonNullable<(typeof again.streams)[number]>;
  assert.deepEqual([path, position], ['/archive', 2]);
  // Its number is taken.
  assert.throws(() => putFiles(files, again), isUnusable(/"\/archive" cannot be opened as/));
  fs.open('/archive', 'a');
  assert.throws(() => takeFiles(fs, KNOWN), isUnusable(/left "\/archive" open/));
});

test('what is open and gone refuses', () => {
  const fs = withTerminals(shown());
  fs.writeFile('/archive', new Uint8Array(1));
  fs.open('/archive', 'r');
  delete (fs.root.contents as Record<string, unknown>)['archive'];
  assert.throws(() => takeFiles(fs, KNOWN), isUnusable(/left "\/archive" open/));
});

test('a script is opened up where all is there once, and stays as it is elsewhere', () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const opened = (script: string, ...patches: [string, string][]) => {
    const found = patched(bytes(script), patches);
    return found && new TextDecoder().decode(found);
  };
  assert.equal(opened('var b=1;var a=2', ['var a=', 'var a=9+'], ['var b', 'let b']), 'let b=1;var a=9+2');
  assert.equal(opened('var a=1', ['var b', 'let b']), null);
  assert.equal(opened('a;a', ['a', 'b']), null);
  assert.equal(opened('"ä";var a', ['var a', 'let a']), '"ä";let a');
  assert.equal(patched(new Uint8Array([0xff, 0x61]), [['a', 'b']]), null);
});

for (const [form, wrapper, first, last] of [
  ['of 2023', (name: string) => `,_${name}=Module._${name}=(t,e)=>(_${name}=Module._${name}=wasmExports.${name})(t,e)`, 'var first=1', ';'],
  ['of Pyodide', (name: string) => `var _${name}=Module["_${name}"]=a0=>(_${name}=Module["_${name}"]=wasmExports["${name}"])(a0);`, '', ''],
] as const) {
  test(`of the functions that a script ${form} wraps those stay that it calls, and who looks for another finds the function itself`, () => {
    const wrapped = ['add', 'double', 'helper'].map(wrapper).join('').replace('=a0=>', '=(a0)=>');
    const script = `${first}${wrapped.replaceAll('=a0=>', '=(a0)=>')}${last}const own=_double(4);`;
    const text = new TextDecoder().decode(patched(new TextEncoder().encode(script), [['const own', `${EXPORTS};const own`]]) as Uint8Array);
    assert.deepEqual([...text.matchAll(/Module\W+_(\w+)/g)].map(([, name]) => name), ['double', 'double']);
    const module: Record<string, unknown> = { toString: 1 };
    const wasmExports = { add: (one: number, other: number) => one + other, double: (one: number) => 2 * one };
    const run = new Function('Module', 'wasmExports', `${text}return own`) as (...given: unknown[]) => unknown;
    assert.equal(run(module, wasmExports), 8);
    assert.equal((module['_add'] as typeof wasmExports.add)(2, 3), 5);
    assert.deepEqual([module['_other'], module['add'], typeof module['hasOwnProperty']], [undefined, undefined, 'function']);
  });
}

test('a start that writes much refuses', () => {
  const fs = shown();
  fs.writeFile('/big', new Uint8Array(1024 * 1024 + 1));
  assert.throws(() => takeFiles(fs, KNOWN), isUnusable(/more than 1048576 bytes/));
});

/** A module of one exported function and a table, and a linker around it, as Emscripten's is. */
const CODE = new WebAssembly.Module(
  // (module (func (export "f") (result i32) i32.const 1) (func (export "g") (result i32) i32.const 2))
  new Uint8Array([
    ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 127, 3, 3, 2, 0, 0, 7, 9, 2, 1, 102, 0, 0, 1, 103, 0, 1],
    ...[10, 11, 2, 4, 0, 65, 1, 11, 4, 0, 65, 2, 11],
  ])
);

interface Linker extends LinkerState {
  libraries: LinkerState['libraries'][number][];
}

function linkerOf(slots = 4): Linker {
  const kernel = new WebAssembly.Instance(CODE).exports as Record<string, () => number>;
  const state: Linker = {
    GOT: { a: new WebAssembly.Global({ value: 'i32', mutable: true }, 1) },
    LDSO: { loadedLibsByName: {}, loadedLibsByHandle: {} },
    wasmTable: new WebAssembly.Table({ element: 'anyfunc', initial: slots }),
    wasmTableMirror: [],
    freeTableIndexes: [],
    wasmImports: { print: kernel['f'] },
    wasmMemory: new WebAssembly.Memory({ initial: 1 }),
    libraries: [],
    replayed: null,
    getFunctionAddress: code => {
      for (let slot = 0; slot < state.wasmTable.length; slot += 1) {
        if (code && state.wasmTable.get(slot) === code) {
          return slot;
        }
      }
      return 0;
    },
    newDSO: (name, _handle, exports) => (state.LDSO.loadedLibsByName[name] = { name, refcount: 1, global: false, exports }),
    loadWebAssemblyModule: (code, _flags, name) => {
      const { exports } = new WebAssembly.Instance(code);
      const base = state.replayed?.tableBase ?? state.wasmTable.length;
      if (state.wasmTable.length < base + 2) {
        state.wasmTable.grow(base + 2 - state.wasmTable.length);
      }
      state.wasmTable.set(base, exports['f'] as () => void);
      if (!state.replayed) {
        state.libraries.push({ name, memoryBase: 1024, tableBase: base, tableSize: 2 });
      }
      return exports;
    },
    mergeLibSymbols: () => undefined,
    convertJsFunctionToWasm: () => kernel['g'] as () => void,
    noteSlot: () => undefined,
  };
  return state;
}

function load(state: Linker, name: string, handle: number): void {
  const loaded = state.newDSO(name, undefined, 'loading');
  loaded.exports = state.loadWebAssemblyModule(CODE, {}, name, {});
  state.LDSO.loadedLibsByHandle[handle] = loaded;
}

test('libraries, slots, handles and the offset table are what they were', () => {
  const state = linkerOf();
  load(state, '/lib/x.so', 4096);
  const { exports } = state.LDSO.loadedLibsByName['/lib/x.so'] as { exports: Record<string, () => void> };
  state.wasmTable.grow(3);
  state.wasmTable.set(6, exports['g'] as () => void);
  state.wasmTable.set(7, state.wasmImports['print'] as () => void);
  state.freeTableIndexes.push(8);
  (state.GOT['a'] as WebAssembly.Global).value = 7;
  state.GOT['b'] = new WebAssembly.Global({ value: 'i32', mutable: true }, 6);
  const kept = JSON.parse(JSON.stringify(takeLinked(state, 4))) as ReturnType<typeof takeLinked>;

  const fresh = linkerOf();
  putLinked(kept, fresh, new Map([['/lib/x.so', CODE]]));
  assert.deepEqual(takeLinked({ ...fresh, libraries: state.libraries }, 4), kept);
  assert.equal(fresh.wasmTable.length, 9);
  assert.equal((fresh.wasmTable.get(6) as () => number)(), 2);
  assert.equal(fresh.wasmTable.get(7), fresh.wasmImports['print']);
  assert.equal(fresh.LDSO.loadedLibsByHandle[4096], fresh.LDSO.loadedLibsByName['/lib/x.so']);
  assert.equal(fresh.replayed, null);
});

test('a slot that nobody owns refuses: a callback of ctypes', () => {
  const state = linkerOf();
  state.wasmTable.grow(1);
  state.wasmTable.set(4, new WebAssembly.Instance(CODE).exports['f'] as () => void);
  assert.throws(() => takeLinked(state, 4), isUnusable(/slot 4 of the table is nobody's/));
});

test('a library that could not be loaded refuses, also when its name is forgotten', () => {
  const state = linkerOf();
  const loaded = state.newDSO('/lib/bad.so', undefined, 'loading');
  assert.throws(() => takeLinked(state, 4), isUnusable(/"\/lib\/bad\.so" could not be loaded/));
  state.LDSO.loadedLibsByHandle[4096] = loaded;
  delete state.LDSO.loadedLibsByName['/lib/bad.so'];
  assert.throws(() => takeLinked(state, 4), isUnusable(/its handle is dead/));
});

test('a fresh kernel whose table is another one, or that lacks a library, refuses the restore', () => {
  const state = linkerOf();
  load(state, '/lib/x.so', 4096);
  const kept = takeLinked(state, 4);
  assert.throws(() => putLinked(kept, linkerOf(5), new Map()), isUnusable(/fresh table has 5 slots, not 4/));
  assert.throws(() => putLinked(kept, linkerOf(), new Map()), isUnusable(/"\/lib\/x\.so" is not there/));
});
