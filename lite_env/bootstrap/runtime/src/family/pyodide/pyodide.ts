/** The parts of Pyodide, its module and its loader that are touched, from 0.27 to 314. */
import type { FileSystemHost, Linker } from '../../fs/emscripten';
import type { SignalBuffer } from '../../kernel/interrupt';

export interface PyodideModule extends FileSystemHost, Linker {
  addRunDependency(id: string): void;
  removeRunDependency(id: string): void;
}

/** What the loader hands to the glue's factory. */
export interface Settings {
  preRun: ((module: PyodideModule) => void)[];
  onAbort?: (reason: unknown) => void;
  readonly API: { readonly version?: string; readonly abiVersion?: string; lockFilePromise?: Promise<Lockfile> };
}

/** What `loadPackage` may load: nothing, since all that is packed is there. */
export interface Lockfile {
  readonly info: Readonly<Record<'abi_version' | 'arch' | 'platform' | 'python' | 'version', string>>;
  readonly packages: Readonly<Record<string, never>>;
}

export type ModuleFactory = (settings: Settings) => Promise<PyodideModule>;

export interface LoadOptions {
  /** Where the loader looks for its files. */
  readonly indexURL: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stdout: (line: string) => void;
  readonly stderr: (line: string) => void;
  readonly stdin: () => null;
  /** From 314 on; before, the glue defines a global. */
  readonly createPyodideModule: ModuleFactory;
}

export interface PythonObject {
  destroy(): void;
}

/** The functions that kernel.py leaves in its namespace. */
export interface Namespace extends PythonObject {
  get(name: string): unknown;
}

export interface Pyodide {
  readonly version: string;
  runPython(code: string, options: { globals: Namespace; filename: string }): unknown;
  toPy(value: object): Namespace;
  setInterruptBuffer(buffer: SignalBuffer): void;
}

export type LoadPyodide = (options: LoadOptions) => Promise<Pyodide>;
