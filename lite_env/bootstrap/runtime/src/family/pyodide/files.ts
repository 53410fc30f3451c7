import type { Compressed } from '../../io/verify';
import type { Checker } from '../../pack/check';
import { onlyFile, type PackedKernel } from '../../pack/manifest';

/** A kernel with its files where this family looks for them. */
export interface PyodideFiles extends PackedKernel {
  /** `pyodide.js` or `pyodide.mjs`: what starts the rest. */
  readonly loader: Compressed;
  /** `pyodide.asm.js` or `.mjs`: Emscripten's glue. */
  readonly script: Compressed;
  readonly wasm: Compressed;
}

export function readFiles(kernel: PackedKernel, check: Checker, where: string): PyodideFiles {
  const one = (role: string) => onlyFile(kernel, role, check, where);
  return { ...kernel, loader: one('loader'), script: one('script'), wasm: one('wasm') };
}
