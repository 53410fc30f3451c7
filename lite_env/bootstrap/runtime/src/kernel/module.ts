import { because, BootError } from '../errors';
import type { Inflater } from '../io/inflate';
import type { Transport } from '../io/transport';
import type { KernelInfo } from '../pack/manifest';
import type { EmscriptenModule, ModuleFactory, ModuleOptions } from './emscripten';

const WASM_MAGIC = [0x00, 0x61, 0x73, 0x6d];

/** What the glue asks for before it has a file system. */
interface Companions {
  /** What the glue's file packager unpacks before the runtime starts. */
  readonly data: Uint8Array | null;
  /** Libraries the main module needs, by the name they are asked for. */
  readonly shared: ReadonlyMap<string, Uint8Array>;
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
    throw because(cause, 'CompileFailed', `"${path}" cannot be compiled here`, {
      file: path,
      hint: 'the browser may be too old for what the kernel was built with',
    });
  }
}

export interface ModuleHooks {
  print(text: string): void;
  printErr(text: string): void;
  /** What the program finds in its environment from the first instruction on, where the glue lets us. */
  readonly variables: Readonly<Record<string, string>>;
}

/**
 * Fetch the kernel's own files in parallel, run the glue and instantiate the module; resolves when its file system is
 * there and nothing was started. The glue is megabytes of script: it is compiled and run while the module arrives.
 */
export async function createModule(
  kernel: KernelInfo,
  files: Inflater,
  transport: Transport,
  locate: (path: string) => string,
  hooks: ModuleHooks
): Promise<EmscriptenModule> {
  const wasm = files.read(kernel.wasm, 'kernel').then(bytes => compile(bytes, kernel.wasm.path));
  const glue = Promise.all([
    files.read(kernel.script, 'kernel').then(script => factoryOf(script, kernel, transport)),
    fetchCompanions(kernel, files),
  ]);
  const created = glue.then(([factory, companions]) => run(factory, wasm, companions, kernel, locate, hooks));
  const [module] = await Promise.all([created, wasm]);
  return module;
}

async function fetchCompanions(kernel: KernelInfo, files: Inflater): Promise<Companions> {
  const [data, shared] = await Promise.all([
    kernel.data ? files.read(kernel.data, 'kernel') : null,
    Promise.all([...kernel.shared].map(async ([name, file]) => [name, await files.read(file, 'kernel')] as const)),
  ]);
  return { data, shared: new Map(shared) };
}

function factoryOf(script: Uint8Array, kernel: KernelInfo, transport: Transport): ModuleFactory {
  transport.evaluate(script, kernel.script.path);
  const factory = (globalThis as { createXeusModule?: ModuleFactory }).createXeusModule;
  if (typeof factory !== 'function') {
    throw new BootError('AbiMismatch', `"${kernel.script.path}" does not define createXeusModule`, {
      file: kernel.script.path,
      hint: 'the kernel is not of the xeus family',
    });
  }
  return factory;
}

function run(
  factory: ModuleFactory,
  wasm: Promise<WebAssembly.Module>,
  { data, shared }: Companions,
  kernel: KernelInfo,
  locate: (path: string) => string,
  hooks: ModuleHooks
): Promise<EmscriptenModule> {
  // Blobs, so that exactly the bytes that were checked are linked.
  const libraries = new Map([...shared].map(([name, bytes]) => [name, blobUrl(bytes)]));
  const created = new Promise<EmscriptenModule>((resolve, reject) => {
    const failed = (reason: unknown) => {
      const message = `the kernel "${kernel.name}" aborted while it started`;
      reject(because(reason, 'KernelFailed', message, { file: kernel.wasm.path }));
    };
    const options: ModuleOptions = {
      locateFile: name => libraries.get(name) ?? locate(own(kernel, name)?.path ?? notLibrary(name)),
      instantiateWasm: (imports, receive) => {
        wasm
          .then(async module => receive(await WebAssembly.instantiate(module, imports), module))
          // The glue throws while it receives exports that it was not made for.
          .catch((cause: unknown) => reject(mismatch(kernel, cause)));
        return {};
      },
      getPreloadedPackage: () => (data ? exactBuffer(data) : undefined),
      preRun: [module => void (module.ENV && Object.assign(module.ENV, hooks.variables))],
      print: hooks.print,
      printErr: hooks.printErr,
      onAbort: failed,
    };
    factory(options).then(resolve, failed);
  });
  return created.finally(() => [...libraries.values()].forEach(url => URL.revokeObjectURL(url)));
}

function blobUrl(bytes: Uint8Array): string {
  return URL.createObjectURL(new Blob([bytes as Uint8Array<ArrayBuffer>], { type: 'application/wasm' }));
}

/** An ArrayBuffer with these bytes and no others. */
function exactBuffer(bytes: Uint8Array): ArrayBuffer {
  return bytes.slice().buffer as ArrayBuffer;
}

/** The kernel's own file that the glue asks for by its name at build time. */
function own(kernel: KernelInfo, name: string) {
  return name.endsWith('.wasm') ? kernel.wasm : name.endsWith('.data') ? kernel.data : null;
}

/** The linker's last resort for a library that it cannot read is the server, which has none. */
function notLibrary(name: string): string {
  if (/\.so(\.\d+)*$/.test(name)) {
    throw new BootError('FileMissing', `the shared library "${name}" cannot be read from the environment`, {
      file: name,
      hint: 'see the errors before this one; what the kernel itself needs belongs under metadata.shared of its kernel.json',
    });
  }
  return name;
}

function mismatch(kernel: KernelInfo, cause: unknown): BootError {
  return because(cause, 'AbiMismatch', `"${kernel.wasm.path}" does not fit its script`, {
    file: kernel.wasm.path,
    hint: 'script and module come from different builds of the kernel, or the browser is too old',
  });
}
