import { freshening } from '../../kernel/restored';
import type { Tree } from '../../pack/tree';
import type { Snapshot } from '../../snapshot/form';
import { compileLibraries, pathsOf } from '../../snapshot/rooms/environment';
import { guard } from '../../snapshot/unusable';
import type { Running, Saving, Surroundings } from '../runtime';
import type { Waiting } from './load';
import { networkHost } from './network';
import type { Pyodide } from './pyodide';
import { References, type Way } from './references';
import { KernelHost, PyodideRunning } from './running';
import { librariesOf, put, stackOf, take } from './snapshot';

/** A kernel that was loaded, and what it was started in. */
export interface Place {
  readonly waiting: Waiting;
  readonly surroundings: Surroundings;
  /** What its Python calls. */
  readonly host: KernelHost;
  readonly network: object;
  /** Once it was started plainly. */
  started: Started | null;
}

interface Started {
  readonly python: Pyodide;
  /** Where its stack's end is at rest; null where nobody can see it. */
  readonly stack: number | null;
}

export function placeOf(waiting: Waiting, surroundings: Surroundings): Place {
  const host = new KernelHost();
  return { waiting, surroundings, host, network: networkHost(surroundings.network), started: null };
}

/** Take note that the kernel was started. */
export function noteStart(place: Place, python: Pyodide): void {
  const fresh = place.waiting.fresh();
  place.started = { python, stack: fresh && stackOf(fresh) };
}

export class PyodideSaving implements Saving {
  constructor(
    private readonly place: Place,
    private readonly tree: Tree
  ) {}

  take(): Omit<Snapshot, 'key'> {
    const { waiting, surroundings, started } = this.place;
    const fresh = waiting.fresh();
    const stack = started?.stack ?? null;
    guard(fresh !== null && started !== null && stack !== null, 'the kernel was not started');
    rest(started.python);
    return take(waiting.module, waiting.api, fresh, stack, this.references(), pathsOf(this.tree, surroundings.prefix));
  }

  async restore(snapshot: Snapshot, fetch: (paths: readonly string[]) => Promise<void>): Promise<Running> {
    const { waiting, surroundings, host } = this.place;
    const { module } = waiting;
    const code = await compileLibraries(librariesOf(snapshot), fetch, module.FS);
    const python = await waiting.restore(() => {
      const fresh = waiting.fresh();
      guard(fresh !== null, "the kernel's script is not one that is known");
      const references = this.references();
      return [put(snapshot, module, waiting.api, fresh, code), named => references.at(named as Way)];
    });
    run(python, freshening(surroundings.variables), 'restored.py');
    return PyodideRunning.again(python, module, host, message => surroundings.post(message));
  }

  /** Where JavaScript values are found that a kernel holds before its first cell. */
  private references(): References {
    const { waiting, host, network } = this.place;
    const { api } = waiting;
    return new References({ kernel: host, network, api, public: api.public_api, js: globalThis });
  }
}

/** @throws Unusable: there is something that the kernel waits for. */
function rest(python: Pyodide): void {
  const waits = run(python, REST, 'rest.py');
  guard(waits === 0, `the kernel waits for ${String(waits)} tasks`);
}

/** What is garbage may hold a JavaScript value that no later start could find. */
const REST = `
import asyncio, gc
gc.collect()
len(asyncio.all_tasks(asyncio.get_event_loop()))
`;

function run(python: Pyodide, code: string, name: string): unknown {
  const names = python.toPy({});
  try {
    return python.runPython(code, { globals: names, filename: `<lite_env>/${name}` });
  } finally {
    names.destroy();
  }
}
