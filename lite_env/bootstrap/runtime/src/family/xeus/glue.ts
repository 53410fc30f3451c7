/**
 * The script of a kernel of 2023 (Emscripten 3.1.45), opened up: what it keeps to itself lies outside of the memory, and
 * a snapshot needs it. A script that differs stays as it is, and its kernel starts plainly each time.
 */
import { EXPORTS, innerPartsOf, patched, PLACE, replaying, SHOWN, type Patch, type Shown } from '../../snapshot/rooms/script';
import type { Handles } from '../../snapshot/rooms/values';
import type { EmscriptenModule } from './emscripten';

/** A class of the kernel's as embind knows it. */
export interface BoundType {
  readonly name: string;
  readonly registeredClass?: { readonly name: string; readonly instancePrototype: object };
}

/** What the script keeps to itself. */
export interface Inner extends Shown {
  readonly emval_handles: Handles;
  readonly registeredTypes: Readonly<Record<string, BoundType>>;
  /** The arguments of each call of `_emval_get_method_caller`, in their order. */
  readonly callers: [count: number, types: number][];
}

const OWN = [
  'emval_handles',
  'registeredTypes',
  'noteSlot:(code,slot)=>functionsInTableMap&&functionsInTableMap.set(code,slot)',
];

const HOLDER = `{ahead:0,callers:[],libraries:[],replayed:null}`;

const PATCHES: readonly Patch[] = [
  // Before anything of the script runs that has a part below.
  ['var GOT={},', `var ${PLACE}=${HOLDER},GOT={},`],
  [
    'Module.LDSO=LDSO,',
    `Module.${PLACE}=Object.assign(${PLACE},{${[...SHOWN, ...OWN].join(',')}}),Module.LDSO=LDSO,`,
  ],
  ['_emscripten_get_now=()=>performance.now(),', `_emscripten_get_now=()=>performance.now()+${PLACE}.ahead,`],
  [
    '__emval_get_method_caller=(_,t)=>{',
    `__emval_get_method_caller=(_,t)=>{${PLACE}.callers.push([_,t]);`,
  ],
  ...replaying('>>'),
  ['wasmExports=createWasm(),', `wasmExports=createWasm(),${PLACE}_exports=${EXPORTS},`],
  // In parentheses the whole of it is compiled at once, in place of being looked over first and compiled when it is called.
  ['return function(moduleArg={}){', 'return(function(moduleArg={}){'],
  ['moduleArg.ready}})();', 'moduleArg.ready})})();'],
  ['applyRelocs&&(runtimeInitialized?applyRelocs()', 'applyRelocs&&!again&&(runtimeInitialized?applyRelocs()'],
  ['return init&&(runtimeInitialized?init()', 'return init&&!again&&(runtimeInitialized?init()'],
];

/** The script with its inner parts shown; as it is where it is another one. */
export function openUp(script: Uint8Array): Uint8Array {
  return patched(script, PATCHES) ?? script;
}

/** The inner parts of a module whose script was opened up. */
export function innerOf(module: EmscriptenModule): Inner | null {
  return innerPartsOf(module);
}
