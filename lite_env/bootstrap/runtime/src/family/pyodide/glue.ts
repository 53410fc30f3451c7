/**
 * The scripts of 0.27 (Emscripten 3.1.58) and of 314 (5.0.3), opened up: a snapshot needs to know what they keep of
 * libraries and clocks. A script that differs stays as it is, and its kernel starts plainly each time.
 */
import type { LibraryRecord, LinkerState } from '../../snapshot/rooms/linker';
import { patched, type Patch } from '../../snapshot/rooms/script';
import type { PyodideModule } from './pyodide';

/** Where the script shows it. */
const PLACE = 'lite_env_inner';

/** What the script keeps to itself. */
export interface Inner extends LinkerState {
  readonly ___stack_pointer: WebAssembly.Global;
  growMemory(bytes: number): unknown;
  /** How many milliseconds the program's clock is ahead of the worker's. */
  ahead: number;
  /** Addresses at which C was last told of the time zone; none before its first look. */
  zone: readonly number[];
  /** Libraries that were loaded, in their order. */
  readonly libraries: LibraryRecord[];
}

const SHOWN = [
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

/** Read when they are asked for: some come with the module, long after. */
const HOLDER = [
  'ahead:0,zone:[],libraries:[],replayed:null',
  ...SHOWN.map(name => `get ${name}(){return ${name}}`),
  'noteSlot(code,slot){functionsInTableMap&&functionsInTableMap.set(code,slot)}',
].join(',');

const RECORD = `${PLACE}.libraries.push({name:libName,memoryBase:memoryBase,tableBase:tableBase,tableSize:metadata.tableSize})`;

/** In both. */
const COMMON: readonly Patch[] = [
  ['var GOT={};', `var GOT={};var ${PLACE}=Module.${PLACE}={${HOLDER}};`],
  ['_emscripten_get_now=()=>performance.now()', `_emscripten_get_now=()=>performance.now()+${PLACE}.ahead`],
  [
    '=function(timezone,daylight,std_name,dst_name){',
    `=function(timezone,daylight,std_name,dst_name){${PLACE}.zone=[timezone,daylight,std_name,dst_name];`,
  ],
  ['if(applyRelocs){if(runtimeInitialized)', 'if(applyRelocs&&!again){if(runtimeInitialized)'],
  ['if(init){if(runtimeInitialized)', 'if(init&&!again){if(runtimeInitialized)'],
];

const GENERATIONS: readonly (readonly Patch[])[] = [
  [
    ...COMMON,
    [
      'var firstLoad=!handle||!HEAP8[handle+8>>>0];if(firstLoad){',
      `var again=${PLACE}.replayed,firstLoad=!handle||!HEAP8[handle+8>>>0];if(again){var memoryBase=again.memoryBase,tableBase=again.tableBase}else if(firstLoad){`,
    ],
    ['var tableGrowthNeeded=tableBase', `again||${RECORD};var tableGrowthNeeded=tableBase`],
    // 314 looks there by itself, and as late.
    ['if(shouldRunNow)callMain(', 'if(shouldRunNow&&!Module["noInitialRun"])callMain('],
  ],
  [
    ...COMMON,
    [
      'var memoryBase=metadata.memorySize?',
      `var again=${PLACE}.replayed;var memoryBase=again?again.memoryBase:metadata.memorySize?`,
    ],
    [
      'var tableBase=metadata.tableSize?wasmTable.length:0;if(handle)',
      'var tableBase=again?again.tableBase:metadata.tableSize?wasmTable.length:0;if(handle)',
    ],
    [
      'if(metadata.tableSize){wasmTable.grow(metadata.tableSize)}var moduleExports',
      `again||${RECORD};var missing=tableBase+metadata.tableSize-wasmTable.length;if(metadata.tableSize&&missing>0){wasmTable.grow(missing)}var moduleExports`,
    ],
  ],
];

/** The script with its inner parts shown; null where it is another one. */
export function openUp(script: Uint8Array): Uint8Array | null {
  return GENERATIONS.map(patches => patched(script, patches)).find(opened => opened !== null) ?? null;
}

/** The inner parts of a module whose script was opened up. */
export function innerOf(module: PyodideModule): Inner | null {
  return (module as unknown as Record<string, Inner | undefined>)[PLACE] ?? null;
}
