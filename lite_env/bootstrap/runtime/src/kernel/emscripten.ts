/** The parts of an Emscripten module that the bootstrap touches; what a generation may lack is optional. */
import type { SignalBuffer } from './interrupt';

export interface FSNode {
  name: string;
  mode: number;
  parent: FSNode;
  timestamp: number;
  atime?: number;
  mtime?: number;
  ctime?: number;
  contents: Uint8Array | Record<string, FSNode> | null;
  usedBytes: number;
  link?: string;
  node_ops: NodeOps;
  stream_ops: StreamOps;
}

export interface FSStream {
  fd: number;
  /** Of a terminal: bytes of the line that is not ended yet. */
  tty?: { output?: number[] };
  node: FSNode;
  stream_ops: StreamOps;
}

export interface NodeOps {
  setattr(node: FSNode, attributes: { size?: number }): void;
  symlink?(parent: FSNode, name: string, target: string): FSNode;
}

export interface StreamOps {
  open?(stream: FSStream): void;
}

export interface MemoryFS {
  /** Filled when the root is mounted. */
  ops_table: { file: { node: NodeOps; stream: StreamOps } };
  createNode(parent: FSNode, name: string, mode: number, device: number): FSNode;
}

export interface FileSystem {
  root: FSNode;
  streams?: (FSStream | null | undefined)[];
  filesystems: { MEMFS: MemoryFS };
  ErrnoError: new (errno: number) => Error;
  isDir(mode: number): boolean;
  mkdir(path: string, mode?: number): unknown;
  closeStream(fd: number): void;
  mkdirTree(path: string): void;
  mount?(type: object, options: object, mountpoint: string): unknown;
  chdir?(path: string): void;
  lookupPath(path: string): { node: FSNode };
  readFile(path: string): Uint8Array;
}

export interface LoadedLibrary {
  readonly refcount: number;
  /** The word "loading" until the library is loaded. */
  readonly exports?: object | 'loading';
}

export interface KernelServer {
  notify_listener(message: unknown): void;
}

export interface XeusKernel {
  get_server(): KernelServer;
  start(): void;
}

export interface EmscriptenModule {
  FS?: FileSystem;
  PATH?: object;
  ERRNO_CODES?: Record<string, number>;
  LDSO?: { loadedLibsByName: Record<string, LoadedLibrary> };
  HEAP32?: Int32Array;
  HEAPU8?: Uint8Array;
  Py_EmscriptenSignalBuffer?: SignalBuffer;
  _Py_EMSCRIPTEN_SIGNAL_HANDLING?: number;
  xkernel: new (...argv: unknown[]) => XeusKernel;
  loadDynamicLibrary?(path: string, flags: Record<string, unknown>): unknown;
  _PyMem_RawMalloc?(size: number): number;
  _PyMem_RawFree?(pointer: number): void;
  _PyErr_SetInterrupt?(): void;
  _setlocale?(category: number, name: number): number;
  setenv?(name: string, value: string): void;
  /** Of kernels that export it: read once, by the constructors that run before the factory resolves. */
  ENV?: Record<string, string>;
  init?(prefix: string, version: readonly number[]): Promise<void>;
  init_phase_1?(prefix: string, version: readonly number[], verbose: boolean): Promise<void>;
  init_phase_2?(prefix: string, version: readonly number[], verbose: boolean): Promise<void>;
  get_exception_message?(pointer: number): string;
  getExceptionMessage?(error: unknown): string | readonly string[];
}

export interface ModuleOptions {
  locateFile(name: string): string;
  instantiateWasm(
    imports: WebAssembly.Imports,
    receive: (instance: WebAssembly.Instance, module: WebAssembly.Module) => void
  ): Record<string, never>;
  /** Asked by the file packager before it fetches the `.data` file by itself. */
  getPreloadedPackage(name: string, size: number): ArrayBuffer | undefined;
  preRun: ((module: EmscriptenModule) => void)[];
  print(text: string): void;
  printErr(text: string): void;
  onAbort(reason: unknown): void;
}

export type ModuleFactory = (options: Partial<ModuleOptions>) => Promise<EmscriptenModule>;
