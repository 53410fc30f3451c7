import { freshening } from '../../kernel/restored';
import { preloading, whyNotImported } from '../../kernel/preloading';
import type { Tree } from '../../pack/tree';
import type { Snapshot, Taken } from '../../snapshot/form';
import { Environment, type Libraries } from '../../snapshot/rooms/environment';
import { guard, Unusable } from '../../snapshot/unusable';
import type { Running, Saving, Surroundings } from '../runtime';
import type { KernelServer } from './emscripten';
import { explain } from './explain';
import type { XeusFiles } from './files';
import type { Inner } from './glue';
import type { Globals } from './globals';
import type { Created } from './module';
import { showNetwork } from './network';
import { XeusRunning } from './running';
import { put, take, type Fresh } from './snapshot';
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
    const environment = new Environment(this.tree, surroundings.prefix);
    const taken = take(created.module, server, fresh, surroundings.scope, environment.paths());
    environment.guardHas(taken.libraries);
    return taken;
  }

  async preload(modules: readonly string[]): Promise<void> {
    const { module } = this.place.created;
    try {
      module.exec?.(preloading(modules));
    } catch (error) {
      throw new Unusable(whyNotImported(explain(module, error)));
    }
  }

  async restore(snapshot: Snapshot, libraries: Libraries): Promise<Running> {
    const { kernel, created, globals, surroundings, fresh } = this.place;
    const { module } = created;
    guard(fresh !== null, "the kernel's script is not one that is known");
    // What the saved program holds of it is found before it runs.
    showNetwork(surroundings.scope, surroundings.network);
    const version = String(kernel.runtime.python).split('.').map(Number).slice(0, 2);
    const init = () => tolerant(module, () => module.init?.(surroundings.prefix, version));
    const server = await put(snapshot, module, fresh, surroundings.scope, libraries, init);
    globals.show(module, true);
    setZone(created, fresh.inner);
    module.exec?.(freshening(surroundings.variables));
    return new XeusRunning(kernel, created, server, globals);
  }
}

/** C knows the time zone of its first look at it: what it saw is that of the saved kernel. */
function setZone({ heap }: Created, { wasmImports }: Inner): void {
  const places = ['timezone', 'daylight', 'tzname'].map(name => heap.address(name));
  const look = wasmImports['_tzset_js'];
  if (typeof look === 'function' && places.every(place => place !== null)) {
    look(...places);
  }
}
