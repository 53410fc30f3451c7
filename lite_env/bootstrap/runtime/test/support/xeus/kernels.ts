/**
 * Stand-ins for the scripts of kernels that cannot be had where the tests run, with exactly the entry points that their
 * generation exports and no kinder than it; what was called is written down in order.
 */
import type { EmscriptenModule, ModuleFactory, ModuleOptions } from '../../../src/family/xeus/emscripten';
import { MemoryFileSystem } from '../memfs';

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

class BindingError extends Error {
  override name = 'BindingError';
}

/** Constructors as embind makes them: other numbers of parameters are refused before anything runs. */
function xkernel(calls: unknown[][], accepts: readonly number[], onMessage: (message: unknown) => void) {
  return class {
    constructor(...given: unknown[]) {
      if (!accepts.includes(given.length)) {
        const expected = accepts.join(' or ');
        throw new BindingError(`Tried to invoke ctor of xkernel with ${given.length} parameters - expected ${expected}!`);
      }
      calls.push(['xkernel', ...given]);
    }
    get_server() {
      calls.push(['get_server']);
      return { notify_listener: onMessage };
    }
    start() {
      calls.push(['start']);
    }
  };
}

/**
 * xeus-python of emscripten-forge-4x: the main module needs `libxeus.so` before there is a file system, the interpreter
 * starts in two phases, of which the first waits, and `xkernel` is made with argv or without.
 */
export function generation4(): FakeKernel {
  const calls: unknown[][] = [];
  const fs = new MemoryFileSystem();
  const kernel: FakeKernel = {
    calls,
    onMessage: () => undefined,
    module: {
      xkernel: xkernel(calls, [0, 1], message => kernel.onMessage(message)),
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
        instantiateWasm({ env: {}, 'GOT.mem': globalOffsets(), 'GOT.func': globalOffsets() }, (instance, code) => {
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

/** The linker's table of addresses, which takes each name that is read for one that the module wants. */
function globalOffsets(): WebAssembly.ModuleImports {
  return new Proxy<WebAssembly.ModuleImports>(
    { __cpp_exception: 0 },
    {
      get: (_, name) => {
        throw new Error(`undefined symbol ${String(name)}`);
      },
    }
  );
}

/** xeus-python of 2023: one `init` that makes the site-packages folder unconditionally, and no argv. */
export function generation2023(): FakeKernel {
  const kernel = generation4();
  const { module, calls } = kernel;
  const { FS: fs } = module;
  module.xkernel = xkernel(calls, [0], message => kernel.onMessage(message));
  delete module.init_phase_1;
  delete module.init_phase_2;
  module.init = async (prefix, version) => {
    calls.push(['init', prefix, version]);
    console.log('this noise is not for the log');
    fs?.mkdir(`/lib/python${version.join('.')}/site-packages`);
  };
  return { ...kernel, factory: plainFactory(kernel) };
}

/** A kernel of another language of 2022: no file system, no interpreter, no argv, no way to set a variable. */
export function withoutFileSystem(): FakeKernel {
  const calls: unknown[][] = [];
  const kernel: FakeKernel = {
    calls,
    onMessage: () => undefined,
    module: { xkernel: xkernel(calls, [0], message => kernel.onMessage(message)) },
    factory: options => plainFactory(kernel)(options),
  };
  return kernel;
}

/** The kernel, with a memory that its module imports. */
export function withMemory(kernel: FakeKernel, memory: WebAssembly.Memory): FakeKernel {
  return Object.assign(kernel, { factory: plainFactory(kernel, memory) });
}

function plainFactory(kernel: FakeKernel, memory?: WebAssembly.Memory): ModuleFactory {
  return options =>
    new Promise(resolve => {
      options.preRun?.forEach(hook => hook(kernel.module));
      options.instantiateWasm?.({ env: memory ? { memory } : {} }, () => resolve(kernel.module));
    });
}
