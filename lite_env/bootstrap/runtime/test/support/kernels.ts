/**
 * Stand-ins for the glue of kernels that cannot be had where the tests run, with exactly the entry points that their
 * generation exports; what was called is written down in order.
 */
import type { EmscriptenModule, ModuleFactory, ModuleOptions } from '../../src/kernel/emscripten';
import { MemoryFileSystem } from './memfs';

export interface FakeKernel {
  readonly factory: ModuleFactory;
  readonly calls: unknown[][];
  readonly module: EmscriptenModule & { FS?: MemoryFileSystem };
  /** What the kernel does with a message. */
  onMessage: (message: any) => void;
}

/** The script of a pack whose kernel is `kernel`; only one can be installed at a time. */
export function install(kernel: FakeKernel): string {
  (globalThis as Record<string, unknown>)['testFactory'] = kernel.factory;
  return 'globalThis.createXeusModule = globalThis.testFactory;';
}

/** Entry points of a module that the generations share. */
function shared(calls: unknown[][], onMessage: (message: unknown) => void): Omit<EmscriptenModule, 'FS'> {
  return {
    xkernel: class {
      constructor(...argv: unknown[]) {
        calls.push(['xkernel', ...argv]);
      }
      get_server() {
        calls.push(['get_server']);
        return { notify_listener: onMessage };
      }
      start() {
        calls.push(['start']);
      }
    },
  };
}

/**
 * xeus-python of emscripten-forge-4x: the main module needs `libxeus.so` before there is a file system, the interpreter
 * starts in two phases, of which the first waits, and `xkernel` wants argv.
 */
export function generation4(): FakeKernel {
  const calls: unknown[][] = [];
  const fs = new MemoryFileSystem();
  const kernel: FakeKernel = {
    calls,
    onMessage: () => undefined,
    module: {
      ...shared(calls, message => kernel.onMessage(message)),
      FS: fs,
      ERRNO_CODES: { EIO: 29 },
      LDSO: { loadedLibsByName: {} },
      loadDynamicLibrary: path => calls.push(['loadDynamicLibrary', path]),
      setenv: (name, value) => calls.push(['setenv', name, value]),
      init_phase_1: async (prefix, version, verbose) => {
        calls.push(['init_phase_1', prefix, version, verbose]);
        console.log('PYTHONPATH', 'said whatever verbose is');
        await new Promise(resolve => setTimeout(resolve, 1));
        const library = `/lib/python${version[0]}.${version[1]}`;
        calls.push(['interpreter', new TextDecoder().decode(fs.readFile(`${library}/os.py`))]);
        fs.mkdirTree(`${library}/site-packages`);
      },
      init_phase_2: async (prefix, version, verbose) => {
        calls.push(['init_phase_2', prefix, version, verbose]);
      },
    },
    factory: async options => {
      const { instantiateWasm, locateFile, getPreloadedPackage } = options as ModuleOptions;
      // As the glue does it: imports, then the libraries the module needs, then the hooks before its constructors.
      const { module } = kernel;
      await new Promise<void>((resolve, reject) => {
        instantiateWasm({ env: {} }, (instance, code) => {
          const sound = instance instanceof WebAssembly.Instance && code instanceof WebAssembly.Module;
          sound ? resolve() : reject(new TypeError('receive(instance, module)'));
        });
      });
      calls.push(['instantiateWasm']);
      const library = await fetch(locateFile('libxeus.so'), { credentials: 'same-origin' });
      calls.push(['libxeus.so', await library.text()]);
      const data = getPreloadedPackage('xtest.data', 4);
      calls.push(['xtest.data', data === undefined ? undefined : new TextDecoder().decode(data)]);
      options.preRun?.forEach(hook => hook(module));
      return module;
    },
  };
  return kernel;
}

/** xeus-python of 2023: one `init` that makes the site-packages folder unconditionally, and no argv. */
export function generation2023(): FakeKernel {
  const kernel = generation4();
  const { module, calls } = kernel;
  const { FS: fs } = module;
  delete module.init_phase_1;
  delete module.init_phase_2;
  module.init = async (prefix, version) => {
    calls.push(['init', prefix, version]);
    console.log('this noise is not for the log');
    fs?.mkdir(`/lib/python${version.join('.')}/site-packages`);
  };
  return { ...kernel, factory: plainFactory(kernel) };
}

/** A kernel of another language of 2022: no file system, no interpreter, no way to set a variable. */
export function withoutFileSystem(): FakeKernel {
  const calls: unknown[][] = [];
  const kernel: FakeKernel = {
    calls,
    onMessage: () => undefined,
    module: shared(calls, message => kernel.onMessage(message)),
    factory: options => plainFactory(kernel)(options),
  };
  return kernel;
}

function plainFactory(kernel: FakeKernel): ModuleFactory {
  return options =>
    new Promise(resolve => {
      options.preRun?.forEach(hook => hook(kernel.module));
      options.instantiateWasm?.({ env: {} }, () => resolve(kernel.module));
    });
}
