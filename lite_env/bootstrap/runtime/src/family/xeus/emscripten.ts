/** The parts of a kernel's Emscripten module that are touched; what a generation may lack is optional. */
import type { FileSystemHost, Linker } from '../../fs/emscripten';
import type { SignalBuffer } from '../../kernel/interrupt';

export interface KernelServer {
  notify_listener(message: unknown): void;
}

export interface XeusKernel {
  get_server(): KernelServer;
  start(): void;
}

export interface EmscriptenModule extends Partial<FileSystemHost>, Linker {
  Py_EmscriptenSignalBuffer?: SignalBuffer;
  xkernel: new (...argv: unknown[]) => XeusKernel;
  setenv?(name: string, value: string): void;
  /** Of kernels that export it: read once, by the constructors that run before the factory resolves. */
  ENV?: Record<string, string>;
  init?(prefix: string, version: readonly number[]): Promise<void>;
  init_phase_1?(prefix: string, version: readonly number[], verbose: boolean): Promise<void>;
  init_phase_2?(prefix: string, version: readonly number[], verbose: boolean): Promise<void>;
  /** Run Python, of kernels with pyjs; `pyobject` is the class of its values. */
  exec?(code: string): void;
  pyobject?: { readonly prototype: object & { py_call?: unknown } };
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
