/**
 * What Emscripten's dynamic linker keeps outside of the memory: libraries and where they lie, the global offset table,
 * the table of functions, and the handles that programs were given.
 */
import { guard } from '../unusable';

/** A library that was loaded, and where. */
export interface LibraryRecord {
  readonly name: string;
  readonly memoryBase: number;
  readonly tableBase: number;
  /** How many of the table's slots are its own. */
  readonly tableSize: number;
}

export interface Loaded {
  readonly name: string;
  refcount: number;
  global: boolean;
  exports: Readonly<Record<string, unknown>> | 'loading';
}

/** What of the linker is touched, by its own names. */
export interface LinkerState {
  readonly GOT: Record<string, WebAssembly.Global>;
  readonly LDSO: {
    readonly loadedLibsByName: Record<string, Loaded>;
    readonly loadedLibsByHandle: Record<string, Loaded>;
  };
  readonly wasmTable: WebAssembly.Table;
  readonly wasmTableMirror: unknown[];
  readonly freeTableIndexes: number[];
  readonly wasmImports: Readonly<Record<string, unknown>>;
  readonly wasmMemory: WebAssembly.Memory;
  readonly libraries: readonly LibraryRecord[];
  /** While a library is loaded that a snapshot has: where it lay. Its data are not written, nothing of it runs. */
  replayed: LibraryRecord | null;
  getFunctionAddress(code: unknown): number;
  newDSO(name: string, handle: undefined, exports: 'loading'): Loaded;
  loadWebAssemblyModule(code: WebAssembly.Module, flags: object, name: string, scope: object): Record<string, unknown>;
  mergeLibSymbols(exports: unknown, name: string): void;
  /** A function of JavaScript's as the table takes it. */
  convertJsFunctionToWasm(code: unknown, signature: unknown): () => void;
  /** Take note of where in the table a function is. */
  noteSlot(code: unknown, slot: number): void;
}

interface LibraryKept extends LibraryRecord {
  readonly global: boolean;
  /** Handles that a program has of it. */
  readonly handles: readonly number[];
  /** Further names under which it is known. */
  readonly aliases: readonly string[];
}

export interface Linked {
  /** Slots of the table when nothing was started, and now. */
  readonly freshTable: number;
  readonly table: number;
  readonly libraries: readonly LibraryKept[];
  /** Entries of the offset table; of a kernel without libraries none, since none differs from a fresh one's. */
  readonly got: readonly (readonly [symbol: string, value: number])[];
  /** Slots beyond the fresh ones that no library brought: a function of one, or of the kernel's own (''). */
  readonly slots: readonly (readonly [slot: number, library: string, symbol: string])[];
  readonly free: readonly number[];
}

/** @throws Unusable: there is something that could not be had again. */
export function takeLinked(state: LinkerState, freshTable: number): Linked {
  const { GOT, LDSO, wasmTable, freeTableIndexes, libraries } = state;
  const byName = Object.entries(LDSO.loadedLibsByName);
  const unfinished = byName.find(([, { exports }]) => exports === 'loading');
  guard(!unfinished, `the library "${unfinished?.[0]}" could not be loaded`);
  const names = libraries.map(({ name }) => name);
  guard(new Set(names).size === names.length, 'a library was loaded twice: once it could not be');
  const kept = libraries.map((library): LibraryKept => {
    const loaded = LDSO.loadedLibsByName[library.name];
    guard(loaded !== undefined, `the library "${library.name}" could not be loaded, or was let go`);
    const handles = Object.entries(LDSO.loadedLibsByHandle).flatMap(([at, one]) => (one === loaded ? [Number(at)] : []));
    const hasScripts = Object.keys(loaded.exports).some(name => name.startsWith('__em_js__') || name === '__start_em_asm');
    guard(!hasScripts, `the library "${library.name}" brings JavaScript of its own`);
    const aliases = byName.flatMap(([name, one]) => (one === loaded && name !== library.name ? [name] : []));
    return { ...library, global: loaded.global, handles, aliases };
  });
  const known = new Set(kept.flatMap(({ handles }) => handles));
  const dead = Object.keys(LDSO.loadedLibsByHandle).find(at => Number(at) !== 0 && !known.has(Number(at)));
  guard(dead === undefined, 'a library could not be loaded: its handle is dead');
  return {
    freshTable,
    table: wasmTable.length,
    libraries: kept,
    got: kept.length === 0 ? [] : Object.entries(GOT).map(([name, { value }]) => [name, Number(value)]),
    slots: takeSlots(state, freshTable, kept),
    free: [...freeTableIndexes],
  };
}

function takeSlots(state: LinkerState, freshTable: number, libraries: readonly LibraryKept[]): Linked['slots'] {
  const { wasmTable, freeTableIndexes } = state;
  const free = new Set(freeTableIndexes);
  const isOwned = (slot: number) => libraries.some(({ tableBase, tableSize }) => slot >= tableBase && slot < tableBase + tableSize);
  const wanted: number[] = [];
  for (let slot = freshTable; slot < wasmTable.length; slot += 1) {
    if (!isOwned(slot) && !free.has(slot)) {
      wanted.push(slot);
    }
  }
  const names = wanted.length > 0 ? namesOfFunctions(state, libraries) : new Map<unknown, [string, string]>();
  return wanted.map(slot => {
    const code: unknown = wasmTable.get(slot);
    const name = names.get(code) ?? names.get(slot);
    guard(name !== undefined, `the slot ${slot} of the table is nobody's: a callback that was made at run time`);
    return [slot, ...name] as const;
  });
}

/** Functions by themselves, and those that had to be wrapped for the table by their slots. */
function namesOfFunctions(state: LinkerState, libraries: readonly LibraryKept[]): Map<unknown, [string, string]> {
  const names = new Map<unknown, [string, string]>();
  for (const { name } of libraries) {
    for (const [symbol, code] of Object.entries(state.LDSO.loadedLibsByName[name]?.exports ?? {})) {
      if (typeof code === 'function' && !names.has(code)) {
        names.set(code, [name, symbol]);
      }
    }
  }
  for (const [symbol, code] of Object.entries(state.wasmImports)) {
    const slot = typeof code === 'function' ? state.getFunctionAddress(code) : 0;
    if (slot !== 0 && !names.has(slot)) {
      names.set(slot, ['', symbol]);
    }
  }
  return names;
}

/**
 * Make the linker of a fresh module what it was; the memory has its final size and none of its contents yet.
 *
 * @throws Unusable: the module is not the one that it was.
 */
export function putLinked(linked: Linked, state: LinkerState, code: ReadonlyMap<string, WebAssembly.Module>): void {
  const { GOT, LDSO, wasmTable, freeTableIndexes } = state;
  guard(wasmTable.length === linked.freshTable, `a fresh table has ${wasmTable.length} slots, not ${linked.freshTable}`);
  for (const [symbol, value] of linked.got) {
    const entry = GOT[symbol];
    if (!entry) {
      GOT[symbol] = new WebAssembly.Global({ value: 'i32', mutable: true }, value);
    } else if (entry.value !== value) {
      entry.value = value;
    }
  }
  for (const library of linked.libraries) {
    putLibrary(library, state, code.get(library.name));
  }
  if (wasmTable.length < linked.table) {
    wasmTable.grow(linked.table - wasmTable.length);
  }
  for (const [slot, library, symbol] of linked.slots) {
    const exports = library ? LDSO.loadedLibsByName[library]?.exports : state.wasmImports;
    const found = (exports as Readonly<Record<string, unknown>> | undefined)?.[symbol];
    guard(typeof found === 'function', `there is no function "${symbol}" in "${library || 'the kernel'}"`);
    putSlot(state, slot, found as Callable);
  }
  freeTableIndexes.splice(0, freeTableIndexes.length, ...linked.free);
}

function putLibrary(library: LibraryKept, state: LinkerState, code: WebAssembly.Module | undefined): void {
  guard(code !== undefined, `the library "${library.name}" is not there`);
  const loaded = state.newDSO(library.name, undefined, 'loading');
  loaded.refcount = Infinity;
  loaded.global = library.global;
  state.replayed = library;
  try {
    loaded.exports = state.loadWebAssemblyModule(code, { allowUndefined: true }, library.name, {});
  } finally {
    state.replayed = null;
  }
  if (library.global) {
    state.mergeLibSymbols(loaded.exports, library.name);
  }
  library.handles.forEach(handle => (state.LDSO.loadedLibsByHandle[handle] = loaded));
  library.aliases.forEach(name => (state.LDSO.loadedLibsByName[name] = loaded));
}

type Callable = (() => void) & { readonly sig?: string };

/** The table takes functions of WebAssembly alone. */
function putSlot(state: LinkerState, slot: number, code: Callable): void {
  const { wasmTable, wasmTableMirror } = state;
  try {
    wasmTable.set(slot, code);
  } catch {
    wasmTable.set(slot, state.convertJsFunctionToWasm(code, code.sig));
  }
  wasmTableMirror[slot] = wasmTable.get(slot);
  state.noteSlot(code, slot);
}
