/** The script of a kernel, opened up: what it keeps to itself lies outside of the memory, and a snapshot needs it. */

import type { LibraryRecord, LinkerState } from './linker';

/** Where an opened script shows it. */
export const PLACE = 'lite_env_inner';

/** What of it a snapshot needs, whichever Emscripten made the script. */
export interface Shown extends LinkerState {
  readonly ___stack_pointer: WebAssembly.Global;
  growMemory(bytes: number): unknown;
  /** How many milliseconds the program's clock is ahead of the worker's. */
  ahead: number;
  /** Libraries that were loaded, in their order. */
  readonly libraries: LibraryRecord[];
}

/** Its parts that go by the names that the script has for them. */
export const SHOWN = [
  'GOT',
  'LDSO',
  'wasmTable',
  'wasmTableMirror',
  'freeTableIndexes',
  'getFunctionAddress',
  'wasmImports',
  'wasmMemory',
  '___stack_pointer',
  'loadWebAssemblyModule',
  'newDSO',
  'mergeLibSymbols',
  'growMemory',
  'convertJsFunctionToWasm',
];

/** Takes note of the library that is being loaded. */
export const RECORD = `${PLACE}.libraries.push({name:libName,memoryBase:memoryBase,tableBase:tableBase,tableSize:metadata.tableSize})`;

/** Lets a library lie where it lay, in scripts of Emscripten before 4, which round addresses by `shift`. */
export function replaying(shift: '>>' | '>>>'): readonly Patch[] {
  return [
    [
      `var firstLoad=!handle||!HEAP8[handle+8${shift}0];if(firstLoad){`,
      `var again=${PLACE}.replayed,firstLoad=!handle||!HEAP8[handle+8${shift}0];if(again){var memoryBase=again.memoryBase,tableBase=again.tableBase}else if(firstLoad){`,
    ],
    ['var tableGrowthNeeded=tableBase', `again||${RECORD};var tableGrowthNeeded=tableBase`],
  ];
}

/** The inner parts of a module whose script was opened up; null where it was not. */
export function innerPartsOf<Inner extends Shown>(module: object): Inner | null {
  return (module as Record<string, Inner | undefined>)[PLACE] ?? null;
}

/** Text that is there once, and what takes its place. */
export type Patch = readonly [there: string, put: string];

/**
 * A function of the program that the script shows as one of its own, which calls it: thousands of them are most of the
 * script, and few are called by it.
 */
const WRAPPERS = [
  /,(_([\w$]+))=Module\.\1=\(?[\w$,]*\)?=>\(\1=Module\.\1=wasmExports\.\2\)\([\w$,]*\)/g,
  /var (_([\w$]+))=Module\["\1"\]=\([\w$,]*\)=>\(\1=Module\["\1"\]=wasmExports\["\2"\]\)\([\w$,]*\);/g,
];

/** Shows the functions themselves in their place to who looks for one. */
export const EXPORTS = 'Object.setPrototypeOf(Module,new Proxy(Object.prototype,{get:(object,name,self)=>typeof name==="string"&&name[0]==="_"&&wasmExports&&wasmExports[name.slice(1)]||Reflect.get(object,name,self)}))';

/**
 * The script without the wrappers that it does not use, and with the patches made that fit, of several generations; null
 * where it is one that none of them is for.
 */
export function patched(script: Uint8Array, ...generations: (readonly Patch[])[]): Uint8Array | null {
  let text: string;
  try {
    text = shortened(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(script));
  } catch {
    return null;
  }
  for (const patches of generations) {
    const found = withPatches(text, patches);
    if (found !== null) {
      return new TextEncoder().encode(found);
    }
  }
  return null;
}

function withPatches(script: string, patches: readonly Patch[]): string | null {
  let text = script;
  for (const [there, put] of patches) {
    const at = text.indexOf(there);
    if (at < 0 || text.includes(there, at + 1)) {
      return null;
    }
    text = text.slice(0, at) + put + text.slice(at + there.length);
  }
  return text;
}

/** A start waits for this: all is looked through once. */
function shortened(script: string): string {
  const wrappers = WRAPPERS.map(wrapper => [...script.matchAll(wrapper)]).find(({ length }) => length > 0) ?? [];
  const between: string[] = [];
  let at = 0;
  for (const { index, 0: whole } of wrappers) {
    between.push(script.slice(at, index));
    at = index + whole.length;
  }
  between.push(script.slice(at));
  const used = new Set(between.join('').match(/_[\w$]+/g));
  const pieces = between.map((piece, index) => {
    const { 0: whole = '', 1: name = '' } = wrappers[index] ?? [];
    return used.has(name) ? piece + whole : piece;
  });
  return pieces.join('');
}
