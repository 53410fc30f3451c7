/**
 * JavaScript values that Python holds. Pyodide keeps them in a table of its own, which its functions write down and fill
 * again; what a value is has to be said by who knows: a way to it from something that each start has.
 */
import { guard } from '../../snapshot/unusable';

/** A root, or what it has under a name. */
export type Way = readonly [root: string, name?: string];

/** What is looked at where a value is to be found again. */
export class References {
  private known: Map<unknown, Way> | null = null;

  /** `roots` by names that no version of this program changes without a new form; the first that holds a value names it. */
  constructor(private readonly roots: Readonly<Record<string, object>>) {}

  /** @throws Unusable: no later start could find it. */
  wayTo(value: unknown): Way {
    this.known ??= waysFrom(this.roots);
    const way = this.known.get(value);
    guard(way !== undefined, `the program holds ${wordsFor(value)} of JavaScript's`);
    return way;
  }

  /** @throws Unusable: there is nothing of that name in this start. */
  at([root, name]: Way): unknown {
    const owner = this.roots[root] as Readonly<Record<string, unknown>> | undefined;
    const found = name === undefined ? owner : owner?.[name];
    guard(found !== undefined, `there is no ${[root, name].join('.')} here`);
    return found;
  }
}

function waysFrom(roots: Readonly<Record<string, object>>): Map<unknown, Way> {
  const ways = new Map<unknown, Way>(Object.entries(roots).map(([name, root]) => [root, [name]]));
  for (const [root, owner] of Object.entries(roots)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(owner)) as [string, PropertyDescriptor][]) {
      // What a property computes may be another one the next time.
      if (isReference(value) && !ways.has(value)) {
        ways.set(value, [root, name]);
      }
    }
  }
  return ways;
}

function isReference(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

function wordsFor(value: unknown): string {
  return typeof value === 'function' ? `the function "${value.name}"` : Object.prototype.toString.call(value);
}
