/**
 * The scripts of 0.27 (Emscripten 3.1.58) and of 314 (5.0.3), opened up: a snapshot needs to know what they keep of
 * libraries and clocks. A script that differs stays as it is, and its kernel starts plainly each time.
 */
import { EXPORTS, innerPartsOf, patched, PLACE, RECORD, replaying, SHOWN, type Patch, type Shown } from '../../snapshot/rooms/script';
import type { PyodideModule } from './pyodide';

/** What the script keeps to itself. */
export interface Inner extends Shown {
  /** Addresses at which C was last told of the time zone; none before its first look. */
  readonly zone: readonly number[];
}

/** Read when they are asked for: some come with the module, long after. */
const HOLDER = [
  'ahead:0,zone:[],libraries:[],replayed:null',
  ...SHOWN.map(name => `get ${name}(){return ${name}}`),
  'noteSlot(code,slot){functionsInTableMap&&functionsInTableMap.set(code,slot)}',
].join(',');

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
    ...replaying('>>>'),
    ['var wasmExports=createWasm();', `var wasmExports=createWasm();${EXPORTS};`],
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

/** The script with its inner parts shown; as it is where it is another one. */
export function openUp(script: Uint8Array): Uint8Array {
  return patched(script, ...GENERATIONS) ?? script;
}

/** The inner parts of a module whose script was opened up. */
export function innerOf(module: PyodideModule): Inner | null {
  return innerPartsOf(module);
}
