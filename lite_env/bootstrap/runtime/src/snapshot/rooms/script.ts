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

/** The script without the wrappers that it does not use, and with the patches made; null where it is one that they are not for. */
export function patched(script: Uint8Array, patches: readonly Patch[]): Uint8Array | null {
  let text: string;
  try {
    text = shortened(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(script));
  } catch {
    return null;
  }
  for (const [there, put] of patches) {
    const at = text.indexOf(there);
    if (at < 0 || text.includes(there, at + 1)) {
      return null;
    }
    text = text.slice(0, at) + put + text.slice(at + there.length);
  }
  return new TextEncoder().encode(text);
}

function shortened(script: string): string {
  const rest = WRAPPERS.reduce((text, wrapper) => text.replace(wrapper, ''), script);
  const used = new Set(rest.match(/[\w$]+/g));
  return WRAPPERS.reduce((text, wrapper) => text.replace(wrapper, (whole, name: string) => (used.has(name) ? whole : '')), script);
}
