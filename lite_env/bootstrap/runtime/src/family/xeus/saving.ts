import PRELOAD from '../../kernel/preload.py';
import { fileBehind, walk, type Tree } from '../../pack/tree';
import type { Snapshot, Taken } from '../../snapshot/form';
import { guard } from '../../snapshot/unusable';
import type { ReadFiles, Running, Saving, Surroundings } from '../runtime';
import type { KernelServer } from './emscripten';
import { explain } from './explain';
import type { XeusFiles } from './files';
import type { Inner } from './glue';
import type { Globals } from './globals';
import type { Created } from './module';
import { showNetwork } from './network';
import { XeusRunning } from './running';
import { freshen, librariesOf, put, take, type Fresh } from './snapshot';
import { tolerant } from './start';

/** A kernel that was loaded, and what it was started in. */
export interface Place {
  readonly kernel: XeusFiles;
  readonly created: Created;
  readonly globals: Globals;
  readonly surroundings: Surroundings;
  /** The module before anything was started; null where its script is not known. */
  readonly fresh: Fresh | null;
  /** Once it was started plainly. */
  server: KernelServer | null;
}

export class XeusSaving implements Saving {
  constructor(
    private readonly place: Place,
    private readonly tree: Tree
  ) {}

  take(): Taken {
    const { created, surroundings, fresh, server } = this.place;
    guard(fresh !== null && server !== null, 'the kernel was not started');
    const taken = take(created.module, server, fresh, surroundings.scope, this.paths());
    for (const path of librariesOf(taken)) {
      guard(path.startsWith(this.root) && fileBehind(this.tree, path.slice(this.root.length)) !== null, `the library "${path}" is no file of the environment`);
    }
    return taken;
  }

  async preload(modules: readonly string[]): Promise<void> {
    const { module } = this.place.created;
    const names = JSON.stringify(JSON.stringify(modules));
    try {
      module.exec?.(`${PRELOAD}\n_lite_env_preload(__import__('json').loads(${names}))\n`);
    } catch (error) {
      throw new Error(explain(module, error));
    }
  }

  async restore(snapshot: Snapshot, read: ReadFiles): Promise<Running> {
    const { kernel, created, globals, surroundings, fresh } = this.place;
    const { module } = created;
    guard(fresh !== null, "the kernel's script is not one that is known");
    const code = await compile(librariesOf(snapshot), read);
    // What the saved program holds of it is found before it runs.
    showNetwork(surroundings.scope, surroundings.network);
    const version = String(kernel.runtime.python).split('.').map(Number).slice(0, 2);
    const init = () => tolerant(module, () => module.init?.(surroundings.prefix, version));
    const server = await put(snapshot, module, fresh, surroundings.scope, code, init);
    globals.show(module, true);
    setZone(created, fresh.inner);
    freshen(module, languageUnless(surroundings.variables));
    return new XeusRunning(kernel, created, server, globals);
  }

  /** Absolute paths of the environment's files and folders. */
  private paths(): ReadonlySet<string> {
    return new Set([...walk(this.tree.root)].map(([path]) => `${this.root}${path}`));
  }

  /** What the environment's absolute paths begin with. */
  private get root(): string {
    const { prefix } = this.place.surroundings;
    return prefix === '/' ? '/' : `${prefix}/`;
  }
}

async function compile(paths: readonly string[], read: ReadFiles): Promise<ReadonlyMap<string, WebAssembly.Module>> {
  const files = await read(paths);
  const compiled = paths.map(async (path, index) => {
    return [path, await WebAssembly.compile(files[index] as Uint8Array<ArrayBuffer>)] as const;
  });
  return new Map(await Promise.all(compiled));
}

/** C knows the time zone of its first look at it: what it saw is that of the saved kernel. */
function setZone({ heap }: Created, { wasmImports }: Inner): void {
  const places = ['timezone', 'daylight', 'tzname'].map(name => heap.address(name));
  const look = wasmImports['_tzset_js'];
  if (typeof look === 'function' && places.every(place => place !== null)) {
    look(...places);
  }
}

/** What Emscripten gives its programs of the browser in each start, unless the environment says otherwise. */
function languageUnless({ LANG }: Readonly<Record<string, string>>): Record<string, string> {
  if (LANG !== undefined) {
    return {};
  }
  const { languages } = (globalThis.navigator ?? {}) as Partial<Navigator>;
  return { LANG: `${(languages?.[0] ?? 'C').replace('-', '_')}.UTF-8` };
}
