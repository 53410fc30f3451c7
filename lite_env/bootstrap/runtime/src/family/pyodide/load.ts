import { because, BootError } from '../../errors';
import type { Transport } from '../../io/transport';
import type { Compressed } from '../../io/verify';
import type { Surroundings } from '../runtime';
import type { PyodideFiles } from './files';
import { innerOf } from './glue';
import type { Api, LoadPyodide, Lockfile, ModuleFactory, Pyodide, PyodideModule, Settings } from './pyodide';
import { freshOf, type Fresh } from './snapshot';
import { HERE, standIn } from './stand-in';

/** What the glue defines before 314, and the loader looks for. */
const FACTORY = '_createPyodideModule';
const LOADER = 'loadPyodide';
/** What the interpreter's start waits for. */
const TREE = 'lite-env-tree';

/** A module whose file system is there, and whose interpreter waits to be started. */
export interface Waiting {
  readonly module: PyodideModule;
  readonly api: Api;
  /** Whether its script is one whose inner parts can be seen. */
  readonly opened: boolean;
  /** The module as it was when it ran and nothing of the interpreter did; null until then, and where it is not opened. */
  fresh(): Fresh | null;
  /** Let the interpreter start. */
  start(): Promise<Pyodide>;
  /**
   * Let `put` fill the memory in place of that. It answers with what Python held of JavaScript's, and with what finds a
   * value by the name that it was given.
   */
  restore(put: () => readonly [references: unknown, find: (named: unknown) => unknown]): Promise<Pyodide>;
}

/**
 * Fetch the kernel's own files in parallel and let its loader run, up to the moment when the interpreter would look for
 * its files. The scripts are compiled and run while the module arrives.
 */
export async function loadWaiting(kernel: PyodideFiles, surroundings: Surroundings): Promise<Waiting> {
  const { files, transport } = surroundings;
  const wasm = files.module(kernel.wasm, 'kernel');
  wasm.catch(() => undefined); // Told when it is waited for.
  const [load, factory] = await Promise.all([
    files.read(kernel.loader, 'kernel').then(code => defined<LoadPyodide>(code, kernel.loader, LOADER, kernel, transport)),
    surroundings.script().then(code => defined<ModuleFactory>(code, kernel.script, FACTORY, kernel, transport)),
  ]);
  const waiting = run(load, factory, wasm, kernel, surroundings);
  const [made] = await Promise.all([waiting, wasm]);
  return made;
}

/** What a script defines as a global, or exports where it is a module. */
async function defined<T>(
  code: Uint8Array,
  { path }: Compressed,
  name: string,
  kernel: PyodideFiles,
  transport: Transport
): Promise<T> {
  let found: unknown;
  if (kernel.runtime.worker === 'module') {
    const exported = await transport.importModule(code, path);
    found = exported[name] ?? exported['default'];
  } else {
    transport.evaluate(code, path);
    found = (globalThis as Record<string, unknown>)[name];
  }
  if (typeof found !== 'function') {
    throw new BootError('AbiMismatch', `"${path}" does not define ${name}`, {
      file: path,
      hint: 'the kernel is not of the pyodide family',
    });
  }
  return found as T;
}

function run(
  load: LoadPyodide,
  factory: ModuleFactory,
  wasm: Promise<WebAssembly.Module>,
  kernel: PyodideFiles,
  { print, variables, prefix }: Surroundings
): Promise<Waiting> {
  if (prefix !== '/') {
    throw new BootError('UnsupportedFormat', `Pyodide looks for its files in "/", the environment is in "${prefix}"`, {
      file: 'manifest.json',
      hint: 'pack the environment again',
    });
  }
  return new Promise<Waiting>((resolve, reject) => {
    let fail: (cause: unknown) => void = cause => reject(notLoaded(kernel, cause));
    const end = standIn(wasm, cause => fail(cause));
    let put: Put | null = null;
    const create: ModuleFactory = async settings => {
      settings.onAbort = reason => fail(reason);
      settings.API.lockFilePromise = Promise.resolve(lockOfNothing(settings, kernel));
      settings.preRun.push(module => {
        end();
        module.addRunDependency(TREE);
        const run = () => {
          const died = new Promise<never>((_, rejectStart) => (fail = rejectStart));
          module.removeRunDependency(TREE);
          return Promise.race([loading, died]);
        };
        const start = () => run().catch((cause: unknown) => Promise.reject(notStarted(kernel, cause)));
        const restore = (given: Put) => {
          put = given;
          module.noInitialRun = true;
          return run();
        };
        resolve({ module, api: settings.API, ...watchFresh(module), start, restore });
      });
      const module = await factory(settings);
      if (put) {
        finishWith(settings.API, put());
      }
      return module;
    };
    if (kernel.runtime.worker === 'classic') {
      Object.assign(globalThis, { [FACTORY]: create });
    }
    const loading = load({
      indexURL: HERE,
      env: { ...variables, PYTHONPATH: searchPath(variables, kernel) },
      stdout: line => print('stdout', line),
      stderr: line => print('stderr', line),
      stdin: () => null,
      createPyodideModule: create,
    });
    loading.catch((cause: unknown) => {
      end();
      fail(cause);
    });
  });
}

type Put = Parameters<Waiting['restore']>[0];

/** Look at the module in the moment between its start and the interpreter's. */
function watchFresh(module: PyodideModule): Pick<Waiting, 'opened' | 'fresh'> {
  const inner = innerOf(module);
  let fresh: Fresh | null = null;
  module.onRuntimeInitialized = () => (fresh = inner && freshOf(inner));
  return { opened: inner !== null, fresh: () => fresh };
}

/** The loader knows of snapshots of its own form alone: the last step of its start is told what those would tell it. */
function finishWith(api: Api, [references, find]: ReturnType<Put>): void {
  const { finalizeBootstrap } = api;
  api.finalizeBootstrap = () => finalizeBootstrap.call(api, references, find);
}

/** From 314 on Pyodide looks for the standard library in its archive alone, and wherever this says. */
function searchPath({ PYTHONPATH }: Surroundings['variables'], { runtime }: PyodideFiles): string {
  const library = `/lib/python${String(runtime.python).split('.').slice(0, 2).join('.')}`;
  return PYTHONPATH ? `${PYTHONPATH}:${library}` : library;
}

/** Nothing is downloaded by names that a cell imports: what is packed is there, and what is not is for `%pip`. */
function lockOfNothing({ API }: Settings, { runtime }: PyodideFiles): Lockfile {
  return {
    info: {
      arch: 'wasm32',
      platform: `emscripten_${runtime.emscripten?.replaceAll('.', '_')}`,
      python: String(runtime.python),
      // Compared with what the module says of itself, once it runs.
      get version() {
        return String(API.version);
      },
      get abi_version() {
        return String(API.abiVersion);
      },
    },
    packages: {},
  };
}

function notLoaded({ wasm, name }: PyodideFiles, cause: unknown): BootError {
  return because(cause, 'KernelFailed', `the kernel "${name}" ended while it was loaded`, {
    file: wasm.path,
    hint: 'loader, script and module come from different builds of Pyodide, or the browser is too old',
  });
}

function notStarted({ runtime }: PyodideFiles, cause: unknown): BootError {
  return because(cause, 'InterpreterFailed', `Python ${runtime.python} did not start`, {
    hint: 'see the log: most often a module of the standard library is missing from the pack',
  });
}
