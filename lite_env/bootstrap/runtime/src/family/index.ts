/** The families that this bootstrap starts. */
import { BootError } from '../errors';
import { Checker } from '../pack/check';
import { MANIFEST, type Manifest, type PackedKernel } from '../pack/manifest';
import type { Runtime, Startable } from './runtime';
import { pyodide } from './pyodide/index';
import { xeus } from './xeus/index';

const RUNTIMES: readonly Runtime[] = [pyodide, xeus];

/** A kernel of a manifest, as its family reads it. */
export function readKernel({ kernels }: Manifest, kernel: PackedKernel): Startable {
  const { family } = kernel.runtime;
  const runtime = RUNTIMES.find(known => known.family === family);
  if (!runtime) {
    const what = `the kernel "${kernel.name}" is of the family "${family}", which is not known`;
    throw new BootError('UnsupportedFormat', what, { file: MANIFEST, hint: 'deploy a newer bootstrap' });
  }
  return runtime.read(kernel, new Checker(MANIFEST), `kernels[${kernels.indexOf(kernel)}]`);
}
