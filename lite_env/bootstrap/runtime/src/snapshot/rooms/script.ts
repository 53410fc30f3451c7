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

/** The script with the patches made; null where it is one that they are not for. */
export function patched(script: Uint8Array, patches: readonly Patch[]): Uint8Array | null {
  const text = new TextDecoder().decode(script);
  const edits: { at: number; length: number; put: Uint8Array }[] = [];
  // Positions in the text are those in the bytes, where no character takes more than one.
  if (text.length !== script.length) {
    return null;
  }
  for (const [there, put] of patches) {
    const at = text.indexOf(there);
    if (at < 0 || text.includes(there, at + 1)) {
      return null;
    }
    edits.push({ at, length: there.length, put: new TextEncoder().encode(put) });
  }
  return spliced(script, edits.sort((one, other) => one.at - other.at));
}

function spliced(bytes: Uint8Array, edits: readonly { at: number; length: number; put: Uint8Array }[]): Uint8Array {
  const grown = edits.reduce((sum, { length, put }) => sum + put.length - length, bytes.length);
  const whole = new Uint8Array(grown);
  let from = 0;
  let to = 0;
  for (const { at, length, put } of edits) {
    whole.set(bytes.subarray(from, at), to);
    to += at - from;
    whole.set(put, to);
    to += put.length;
    from = at + length;
  }
  whole.set(bytes.subarray(from), to);
  return whole;
}
