import { BootError, describe } from '../errors';
import type { Source } from '../io/source';
import type { KernelInfo } from '../pack/manifest';
import type { EmscriptenModule, ModuleFactory, ModuleOptions } from './emscripten';

const WASM_MAGIC = [0x00, 0x61, 0x73, 0x6d];

export interface ModuleCode {
  readonly script: Uint8Array;
  readonly wasm: WebAssembly.Module;
}

/** Fetch the kernel's glue and module in parallel, and compile the module as soon as it is there. */
export async function fetchModule(kernel: KernelInfo, source: Source): Promise<ModuleCode> {
  const [script, wasm] = await Promise.all([
    source.read(kernel.script, 'kernel'),
    source.read(kernel.wasm, 'kernel').then(bytes => compile(bytes, kernel.wasm.path)),
  ]);
  return { script, wasm };
}

async function compile(bytes: Uint8Array, path: string): Promise<WebAssembly.Module> {
  if (WASM_MAGIC.some((byte, position) => bytes[position] !== byte)) {
    throw new BootError('NotWasm', `"${path}" is not WebAssembly`, {
      file: path,
      hint: 'the package holds another file under that name: see the kernel package',
    });
  }
  try {
    return await WebAssembly.compile(bytes as Uint8Array<ArrayBuffer>);
  } catch (cause) {
    throw new BootError('CompileFailed', `"${path}" cannot be compiled here: ${describe(cause)}`, {
      file: path,
      hint: 'the browser may be too old for what the kernel was built with',
      cause,
    });
  }
}

export interface ModuleHooks {
  print(text: string): void;
  printErr(text: string): void;
}

/** Run the glue and instantiate the module; resolves when its file system is there and nothing was started. */
export async function createModule(
  code: ModuleCode,
  kernel: KernelInfo,
  source: Source,
  locate: (path: string) => string,
  hooks: ModuleHooks
): Promise<EmscriptenModule> {
  source.transport.evaluate(code.script, kernel.script.path);
  const factory = (globalThis as { createXeusModule?: ModuleFactory }).createXeusModule;
  if (typeof factory !== 'function') {
    throw new BootError('AbiMismatch', `"${kernel.script.path}" does not define createXeusModule`, {
      file: kernel.script.path,
      hint: 'the kernel is not of the xeus family',
    });
  }
  return new Promise<EmscriptenModule>((resolve, reject) => {
    const failed = (reason: unknown) =>
      reject(
        new BootError('KernelFailed', `the kernel "${kernel.name}" aborted while it started: ${describe(reason)}`, {
          file: kernel.wasm.path,
          cause: reason,
        })
      );
    const options: ModuleOptions = {
      locateFile: name => locate((kernel.shared.get(name) ?? own(kernel, name))?.path ?? name),
      instantiateWasm: (imports, receive) => {
        WebAssembly.instantiate(code.wasm, imports).then(
          instance => receive(instance, code.wasm),
          (cause: unknown) => reject(mismatch(kernel, cause))
        );
        return {};
      },
      print: hooks.print,
      printErr: hooks.printErr,
      onAbort: failed,
    };
    factory(options).then(resolve, failed);
  });
}

/** The kernel's own file that the glue asks for by its name at build time. */
function own(kernel: KernelInfo, name: string) {
  return name.endsWith('.wasm') ? kernel.wasm : name.endsWith('.data') ? kernel.data : null;
}

function mismatch(kernel: KernelInfo, cause: unknown): BootError {
  return new BootError('AbiMismatch', `"${kernel.wasm.path}" does not fit its script: ${describe(cause)}`, {
    file: kernel.wasm.path,
    hint: 'script and module come from different builds of the kernel, or the browser is too old',
    cause,
  });
}
