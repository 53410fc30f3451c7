import { because, BootError } from '../../errors';
import type { Inflater } from '../../io/inflate';
import type { Transport } from '../../io/transport';
import type { Surroundings } from '../runtime';
import type { EmscriptenModule, ModuleFactory, ModuleOptions } from './emscripten';
import type { XeusFiles } from './files';
import { Heap } from './heap';

/** What scripts of every generation define. */
const FACTORY = 'createXeusModule';

/** What the glue asks for before it has a file system. */
interface Companions {
  /** What the glue's file packager unpacks before the runtime starts. */
  readonly data: Uint8Array | null;
  /** Libraries the main module needs, by the name they are asked for. */
  readonly shared: ReadonlyMap<string, Uint8Array>;
}

/** A module whose file system is there, and of which nothing was started. */
export interface Created {
  readonly module: EmscriptenModule;
  readonly heap: Heap;
}

/**
 * Fetch the kernel's own files in parallel, run the script and instantiate the module. The script is megabytes: it is
 * compiled and run while the module arrives.
 */
export async function createModule(kernel: XeusFiles, surroundings: Surroundings): Promise<Created> {
  const { files, transport } = surroundings;
  const wasm = files.module(kernel.wasm, 'kernel');
  const glue = Promise.all([
    surroundings.script().then(script => factoryOf(script, kernel, transport)),
    fetchCompanions(kernel, files),
  ]);
  const created = glue.then(([factory, companions]) => run(factory, wasm, companions, kernel, surroundings));
  const [made] = await Promise.all([created, wasm]);
  return made;
}

async function fetchCompanions(kernel: XeusFiles, files: Inflater): Promise<Companions> {
  const [data, shared] = await Promise.all([
    kernel.data ? files.read(kernel.data, 'kernel') : null,
    Promise.all([...kernel.shared].map(async ([name, file]) => [name, await files.read(file, 'kernel')] as const)),
  ]);
  return { data, shared: new Map(shared) };
}

/** What the script defines as a global, or exports where it is a module. */
async function factoryOf(script: Uint8Array, kernel: XeusFiles, transport: Transport): Promise<ModuleFactory> {
  const { path } = kernel.script;
  let factory: unknown;
  if (kernel.runtime.worker === 'module') {
    const exported = await transport.importModule(script, path);
    factory = exported['default'] ?? exported[FACTORY];
  } else {
    transport.evaluate(script, path);
    factory = (globalThis as Record<string, unknown>)[FACTORY];
  }
  if (typeof factory !== 'function') {
    throw new BootError('AbiMismatch', `"${path}" does not define ${FACTORY}`, {
      file: path,
      hint: 'the kernel is not of the xeus family',
    });
  }
  return factory as ModuleFactory;
}

function run(
  factory: ModuleFactory,
  wasm: Promise<WebAssembly.Module>,
  { data, shared }: Companions,
  kernel: XeusFiles,
  { locate, print, variables }: Surroundings
): Promise<Created> {
  // Blobs, so that exactly the bytes that were checked are linked.
  const libraries = new Map([...shared].map(([name, bytes]) => [name, blobUrl(bytes)]));
  const created = new Promise<Created>((resolve, reject) => {
    const failed = (reason: unknown) => {
      const message = `the kernel "${kernel.name}" aborted while it started`;
      reject(because(reason, 'KernelFailed', message, { file: kernel.wasm.path }));
    };
    let instantiated: ((shown: EmscriptenModule) => Heap) | null = null;
    const options: ModuleOptions = {
      locateFile: name => libraries.get(name) ?? locate(own(kernel, name)?.path ?? notLibrary(name)),
      instantiateWasm: (imports, receive) => {
        wasm
          .then(async module => {
            const instance = await WebAssembly.instantiate(module, imports);
            instantiated = shown => Heap.of(imports, instance, module, shown);
            receive(instance, module);
          })
          // The glue throws while it receives exports that it was not made for.
          .catch((cause: unknown) => reject(mismatch(kernel, cause)));
        return {};
      },
      getPreloadedPackage: () => (data ? exactBuffer(data) : undefined),
      preRun: [module => void (module.ENV && Object.assign(module.ENV, variables))],
      print: text => print('stdout', text),
      printErr: text => print('stderr', text),
      onAbort: failed,
    };
    factory(options).then(module => resolve({ module, heap: instantiated?.(module) ?? Heap.none(module) }), failed);
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
function own(kernel: XeusFiles, name: string) {
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

function mismatch(kernel: XeusFiles, cause: unknown): BootError {
  return because(cause, 'AbiMismatch', `"${kernel.wasm.path}" does not fit its script`, {
    file: kernel.wasm.path,
    hint: 'script and module come from different builds of the kernel, or the browser is too old',
  });
}
