import { toldPreloading } from '../../kernel/preloading';
import { freshening } from '../../kernel/restored';
import { bridgeHost } from '../../network/kernel';
import type { Tree } from '../../pack/tree';
import type { Snapshot, Taken } from '../../snapshot/form';
import { Environment, type Libraries } from '../../snapshot/rooms/environment';
import { guard } from '../../snapshot/unusable';
import type { Running, Saving, Surroundings } from '../runtime';
import type { Waiting } from './load';
import type { Pyodide } from './pyodide';
import { References, type Way } from './references';
import { KernelHost, PyodideRunning } from './running';
import { put, stackOf, take, takeReferences } from './snapshot';

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
  return { waiting, surroundings, host, network: bridgeHost(surroundings.network), started: null };
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

  take(): Taken {
    const { waiting, surroundings, started } = this.place;
    const fresh = waiting.fresh();
    const stack = started?.stack ?? null;
    guard(fresh !== null && started !== null && stack !== null, 'the kernel was not started');
    guardRests(started.python);
    const environment = new Environment(this.tree, surroundings.prefix);
    const held = this.referencesOf(started.python);
    const taken = take(waiting.module, fresh, stack, held, environment.paths());
    environment.guardHas(taken.libraries);
    return taken;
  }

  async preload(modules: readonly string[]): Promise<void> {
    const { started } = this.place;
    guard(started !== null, 'the kernel was not started');
    // An exception that leaves Python says nothing of itself here.
    const why = run(started.python, toldPreloading(modules), 'preload.py');
    guard(why === '', String(why));
  }

  async restore(snapshot: Snapshot, libraries: Libraries): Promise<Running> {
    const { waiting, surroundings, host } = this.place;
    const { module } = waiting;
    const python = await waiting.restore(() => {
      const fresh = waiting.fresh();
      guard(fresh !== null, "the kernel's script is not one that is known");
      // Not all of Pyodide's own are there yet.
      return [put(snapshot, module, waiting.api, fresh, libraries), named => this.references().at(named as Way)];
    });
    run(python, freshening(surroundings.variables), 'restored.py');
    return PyodideRunning.again(python, module, host, message => surroundings.post(message));
  }

  /** What Python holds of JavaScript's. */
  private referencesOf(python: Pyodide): unknown {
    const { api } = this.place.waiting;
    try {
      return takeReferences(api, this.references());
    } catch {
      // What nobody could find again may be garbage, which takes a tenth of a second to be looked for.
      run(python, 'import gc; gc.collect()', 'collect.py');
      return takeReferences(api, this.references());
    }
  }

  /** Where JavaScript values are found that a kernel holds before its first cell. */
  private references(): References {
    const { waiting, host, network } = this.place;
    const { api } = waiting;
    return new References({ kernel: host, network, api, public: api.public_api, js: globalThis });
  }
}

/** @throws Unusable: there is something that the kernel waits for; nobody would wake a restored one for it. */
function guardRests(python: Pyodide): void {
  const waits = run(python, WAITS, 'waits.py');
  guard(waits === 0, `the kernel waits for ${String(waits)} things`);
}

/** What is to be called is known to JavaScript's timers alone; but that it is there, Python knows. */
const WAITS = `
import asyncio, gc
handles = gc.get_referrers(asyncio.Handle, asyncio.TimerHandle)
planned = [found for found in handles if isinstance(found, asyncio.Handle) and not found.cancelled()]
len(asyncio.all_tasks(asyncio.get_event_loop())) + len(planned)
`;

function run(python: Pyodide, code: string, name: string): unknown {
  const names = python.toPy({});
  try {
    return python.runPython(code, { globals: names, filename: `<lite_env>/${name}` });
  } finally {
    names.destroy();
  }
}
