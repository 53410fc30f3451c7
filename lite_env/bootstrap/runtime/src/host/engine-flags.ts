/** What of WebAssembly Node has and does not show, and browsers do: a kernel finds here what it would find there. */
import process from 'node:process';
import { setFlagsFromString } from 'node:v8';

/** The first version that has JavaScript Promise Integration as browsers have it. */
const FIRST = 24;

/** Threads that are started from now on have it: the scripts of some kernels look for it, and are other ones where it is not. */
export function showPromiseIntegration(): void {
  if (!('Suspending' in WebAssembly) && Number.parseInt(process.versions.node, 10) >= FIRST) {
    setFlagsFromString('--experimental-wasm-jspi');
  }
}
