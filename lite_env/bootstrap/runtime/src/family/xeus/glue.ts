/**
 * The script of a kernel of 2023 (Emscripten 3.1.45), opened up: what it keeps to itself lies outside of the memory, and
 * a snapshot needs it. A script that differs stays as it is, and its kernel starts plainly each time.
 */
import type { LibraryRecord, LinkerState } from '../../snapshot/rooms/linker';
import { patched, type Patch } from '../../snapshot/rooms/script';
import type { Handles } from '../../snapshot/rooms/values';
import type { EmscriptenModule } from './emscripten';

/** Where the script shows it. */
const PLACE = 'lite_env_inner';

/** A class of the kernel's as embind knows it. */
export interface BoundType {
  readonly name: string;
  readonly registeredClass?: { readonly name: string; readonly instancePrototype: object };
}

/** What the script keeps to itself. */
export interface Inner extends LinkerState {
  readonly emval_handles: Handles;
  readonly registeredTypes: Readonly<Record<string, BoundType>>;
  readonly ___stack_pointer: WebAssembly.Global;
  growMemory(bytes: number): unknown;
  /** How many milliseconds the program's clock is ahead of the worker's. */
  ahead: number;
  /** The arguments of each call of `_emval_get_method_caller`, in their order. */
  readonly callers: [count: number, types: number][];
  /** Libraries that were loaded, in their order. */
  readonly libraries: LibraryRecord[];
}

const SHOWN = [
  'emval_handles',
  'GOT',
  'LDSO',
  'wasmTable',
  'wasmTableMirror',
  'freeTableIndexes',
  'getFunctionAddress',
  'wasmImports',
  'registeredTypes',
  'wasmMemory',
  '___stack_pointer',
  'loadWebAssemblyModule',
  'newDSO',
  'mergeLibSymbols',
  'growMemory',
  'convertJsFunctionToWasm',
  'noteSlot:(code,slot)=>functionsInTableMap&&functionsInTableMap.set(code,slot)',
];

const HOLDER = `{ahead:0,callers:[],libraries:[],replayed:null}`;

const PATCHES: readonly Patch[] = [
  // Before anything of the script runs that has a part below.
  ['var GOT={},', `var ${PLACE}=${HOLDER},GOT={},`],
  [
    'Module.LDSO=LDSO,',
    `Module.${PLACE}=Object.assign(${PLACE},{${SHOWN.join(',')}}),Module.LDSO=LDSO,`,
  ],
  ['_emscripten_get_now=()=>performance.now(),', `_emscripten_get_now=()=>performance.now()+${PLACE}.ahead,`],
  [
    '__emval_get_method_caller=(_,t)=>{',
    `__emval_get_method_caller=(_,t)=>{${PLACE}.callers.push([_,t]);`,
  ],
  [
    'var firstLoad=!handle||!HEAP8[handle+8>>0];if(firstLoad){',
    `var again=${PLACE}.replayed,firstLoad=!handle||!HEAP8[handle+8>>0];if(again){var memoryBase=again.memoryBase,tableBase=again.tableBase}else if(firstLoad){`,
  ],
  [
    'var tableGrowthNeeded=tableBase',
    `again||${PLACE}.libraries.push({name:libName,memoryBase:memoryBase,tableBase:tableBase,tableSize:metadata.tableSize});var tableGrowthNeeded=tableBase`,
  ],
  ['applyRelocs&&(runtimeInitialized?applyRelocs()', 'applyRelocs&&!again&&(runtimeInitialized?applyRelocs()'],
  ['return init&&(runtimeInitialized?init()', 'return init&&!again&&(runtimeInitialized?init()'],
];

/** The script with its inner parts shown; null where it is another one. */
export function openUp(script: Uint8Array): Uint8Array | null {
  return patched(script, PATCHES);
}

/** The inner parts of a module whose script was opened up. */
export function innerOf(module: EmscriptenModule): Inner | null {
  return ((module as unknown as Record<string, unknown>)[PLACE] as Inner | undefined) ?? null;
}
