import type { Compressed } from '../../io/verify';
import type { Checker } from '../../pack/check';
import { onlyFile, type PackedKernel } from '../../pack/manifest';

/** A kernel with its files where this family looks for them. */
export interface XeusFiles extends PackedKernel {
  readonly script: Compressed;
  readonly wasm: Compressed;
  /** What the script's file packager unpacks before the runtime starts. */
  readonly data: Compressed | null;
  /** Libraries the main module needs before its file system exists, by the name they are asked for. */
  readonly shared: ReadonlyMap<string, Compressed>;
}

export function readFiles(kernel: PackedKernel, check: Checker, where: string): XeusFiles {
  const of = (role: string) => kernel.files.filter(file => file.role === role);
  const one = (role: string) => onlyFile(kernel, role, check, where);
  return {
    ...kernel,
    script: one('script'),
    wasm: one('wasm'),
    data: of('data').length > 0 ? one('data') : null,
    shared: new Map(of('shared').map(file => [file.name, file])),
  };
}
