import { BootError } from '../../errors';
import type { PackedKernel } from '../../pack/manifest';
import type { EmscriptenModule, KernelServer, XeusKernel } from './emscripten';
import { explain } from './explain';
import type { XeusFiles } from './files';
import type { Heap } from './heap';
import type { Created } from './module';

/*
 * The xeus family in its generations. What a module offers decides, not a version number: a kernel of another
 * language has no interpreter to start, one built without a file system has no `FS`, and the entry points of
 * xeus-python changed from `init` to `init_phase_1` and `init_phase_2`.
 */

/** Construct and start the kernel, once its interpreter is up. */
export function startKernel(module: EmscriptenModule, kernel: XeusFiles): KernelServer {
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
function useUtf8(heap: Heap): void {
  const allocate = heap.function('PyMem_RawMalloc');
  const free = heap.function('PyMem_RawFree');
  const setLocale = heap.function('setlocale');
  if (!allocate || !free || !setLocale || !heap.memory) {
    return;
  }
  const LC_CTYPE = 0;
  const name = new TextEncoder().encode('C.UTF-8\0');
  const pointer = allocate(name.length);
  if (pointer !== 0) {
    // Looked up anew: the allocation may have moved the memory.
    heap.bytes()?.set(name, pointer);
    setLocale(LC_CTYPE, pointer);
    free(pointer);
  }
}

/** Start the language's interpreter, where there is one. */
export async function startInterpreter(
  { module, heap }: Created,
  { runtime: { python } }: PackedKernel,
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
  useUtf8(heap);
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
export async function tolerant(module: EmscriptenModule, init: () => Promise<void> | undefined): Promise<void> {
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

/**
 * Kernels of the 4.x channels take their resources and settings from the kernelspec's argv, and can do without; older
 * ones take none, and refuse it before anything of theirs has run.
 */
function construct(module: EmscriptenModule, kernel: PackedKernel): XeusKernel {
  try {
    return new module.xkernel(kernel.argv);
  } catch (error) {
    if (error instanceof Error && error.name === 'BindingError') {
      return new module.xkernel();
    }
    throw error;
  }
}

/** Give the program its environment; where the script let us, it was there before the first instruction. */
export function setVariables(module: EmscriptenModule, variables: Readonly<Record<string, string>>): void {
  const entries = Object.entries(variables);
  if (!module.setenv && module.ENV) {
    return; // They were put there before its first instruction.
  }
  if (entries.length > 0 && !module.setenv) {
    throw new BootError('AbiMismatch', `this kernel cannot be given environment variables: ${entries[0]?.[0]} is set`, {
      file: 'manifest.json',
      hint: 'remove `variables` from the environment file',
    });
  }
  for (const [name, value] of entries) {
    module.setenv?.(name, value);
  }
}
