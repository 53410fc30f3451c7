/** The parts of Pyodide, its module and its loader that are touched, from 0.27 to 314. */
import type { FileSystemHost, Linker } from '../../fs/emscripten';
import type { SignalBuffer } from '../../kernel/interrupt';

export interface PyodideModule extends FileSystemHost, Linker {
  addRunDependency(id: string): void;
  removeRunDependency(id: string): void;
  /** Called when the module runs, before the interpreter starts. */
  onRuntimeInitialized?: () => void;
  /** Whether the interpreter is not to be started. */
  noInitialRun?: boolean;
}

/** What the loader hands to the glue's factory, which makes the module of it. */
export interface Settings {
  preRun: ((module: PyodideModule) => void)[];
  onAbort?: (reason: unknown) => void;
  readonly API: Api;
}

/** What Pyodide's own parts know of one another. */
export interface Api {
  readonly version?: string;
  readonly abiVersion?: string;
  lockFilePromise?: Promise<Lockfile>;
  /** What `loadPyodide` resolves to. */
  readonly public_api: object;
  /** The last step of a start; with references also that of a restore, in which `find` is given what `name` gave. */
  finalizeBootstrap(references?: unknown, find?: (named: unknown) => unknown): unknown;
  /** What stands in front in the table of the values that Python holds. */
  getExpectedKeys?(): unknown[];
  /** What JavaScript values Python holds, as JSON has it; `name` is asked for those that it does not know. */
  serializeHiwireState?(name: (value: unknown) => unknown): unknown;
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
