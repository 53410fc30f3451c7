import { BootError, describe } from '../errors';
import type { KernelInfo } from '../pack/manifest';
import type { EmscriptenModule, KernelServer, XeusKernel } from './emscripten';

/*
 * The xeus family in its generations. What a module offers decides, not a version number: a kernel of another
 * language has no interpreter to start, one built without a file system has no `FS`, and the entry points of
 * xeus-python changed from `init` to `init_phase_1` and `init_phase_2`.
 */

/** Construct and start the kernel, once its interpreter is up. */
export async function startKernel(module: EmscriptenModule, kernel: KernelInfo): Promise<KernelServer> {
  try {
    const raw = construct(module, kernel);
    const server = raw.get_server();
    raw.start();
    return server;
  } catch (error) {
    throw new BootError('KernelFailed', `the kernel "${kernel.name}" did not start: ${explain(module, error)}`, {
      file: kernel.script.path,
      cause: error,
    });
  }
}

/**
 * Let file names be UTF-8. The 2023 kernels start Python with an isolated pre-configuration, which takes the C
 * library's locale as it is: "C", and so ASCII, unless somebody sets it before.
 */
function useUtf8(module: EmscriptenModule): void {
  const { _PyMem_RawMalloc: allocate, _PyMem_RawFree: free, _setlocale: setLocale } = module;
  if (!allocate || !free || !setLocale || !module.HEAPU8) {
    return;
  }
  const LC_CTYPE = 0;
  const name = new TextEncoder().encode('C.UTF-8\0');
  const pointer = allocate(name.length);
  if (pointer !== 0) {
    // Looked up anew: the allocation may have moved the memory.
    module.HEAPU8.set(name, pointer);
    setLocale(LC_CTYPE, pointer);
    free(pointer);
  }
}

/** Start the language's interpreter, where there is one. */
export async function startInterpreter(
  module: EmscriptenModule,
  { runtime: { python } }: KernelInfo,
  prefix: string
): Promise<void> {
  if (!module.init && !module.init_phase_1) {
    return;
  }
  if (python === null) {
    throw new BootError('AbiMismatch', 'the kernel starts a Python interpreter, but the environment has no python', {
      hint: 'add python to the environment, in the version the kernel was built for',
    });
  }
  const version = python.split('.').map(Number);
  useUtf8(module);
  try {
    if (module.init_phase_1) {
      await tolerant(module, async () => {
        await module.init_phase_1?.(prefix, version, false);
        await module.init_phase_2?.(prefix, version, false);
      });
    } else {
      await tolerant(module, () => module.init?.(prefix, version.slice(0, 2)));
    }
  } catch (error) {
    throw new BootError('InterpreterFailed', `Python ${python} did not start: ${explain(module, error)}`, {
      hint: 'see the log: most often a module of the standard library is missing from the pack',
      cause: error,
    });
  }
}

/**
 * `init` of the 2023 generation makes the site-packages folder unconditionally, and prints its module; later ones print
 * their paths, told to be silent or not.
 */
async function tolerant(module: EmscriptenModule, init: () => Promise<void> | undefined): Promise<void> {
  const { FS } = module;
  const log = console.log;
  const mkdir = FS?.mkdir;
  console.log = () => undefined;
  if (FS && mkdir) {
    FS.mkdir = (path, mode) => {
      try {
        return mkdir.call(FS, path, mode);
      } catch (error) {
        if (FS.isDir(FS.lookupPath(path).node.mode)) {
          return undefined;
        }
        throw error;
      }
    };
  }
  try {
    await init();
  } finally {
    console.log = log;
    if (FS && mkdir) {
      FS.mkdir = mkdir;
    }
  }
}

/** Kernels of the 4.x channel want the kernelspec's argv, older ones nothing. */
function construct(module: EmscriptenModule, kernel: KernelInfo): XeusKernel {
  if (module.init_phase_1) {
    return new module.xkernel(kernel.argv);
  }
  try {
    return new module.xkernel();
  } catch (error) {
    if (error instanceof Error && error.name === 'BindingError') {
      return new module.xkernel(kernel.argv);
    }
    throw error;
  }
}

/** What a C++ exception says: a pointer in older builds, a WebAssembly.Exception in newer ones. */
export function explain(module: EmscriptenModule, error: unknown): string {
  try {
    if (typeof error === 'number' && module.get_exception_message) {
      return module.get_exception_message(error);
    }
    const native = (WebAssembly as { Exception?: new (...rest: never[]) => object }).Exception;
    if (native && error instanceof native && module.getExceptionMessage) {
      return [module.getExceptionMessage(error)].flat().join(': ');
    }
  } catch {
    // The message itself could not be had; what was thrown still can be shown.
  }
  return describe(error);
}
