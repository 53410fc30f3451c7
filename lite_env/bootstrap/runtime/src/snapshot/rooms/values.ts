/**
 * JavaScript values that a program in WebAssembly holds by number. A snapshot keeps what the value is: a plain one, or
 * where in the worker's global scope it is found.
 */
import { guard } from '../unusable';

/** Handles as Emscripten's embind keeps them until 3.1. */
export interface Handles {
  readonly allocated: ({ value: unknown; refcount?: number } | undefined)[];
  readonly freelist: number[];
  /** Numbers below are constants, the same in each start. */
  readonly reserved: number;
}

type Named = { readonly at: readonly string[] } | { readonly is: string | number | boolean };
type Kept = readonly [refcount: number, value: Named] | null;

export interface Values {
  readonly held: readonly Kept[];
  readonly free: readonly number[];
}

/** What of the scope is looked into: what a runtime puts there for its kernels. */
const OURS = /^lite_env/;

/** @throws Unusable: a value is held that no later start could find. */
export function takeValues({ allocated, freelist, reserved }: Handles, scope: object): Values {
  const held = allocated.slice(reserved).map((entry): Kept => {
    if (!entry) {
      return null;
    }
    const value = nameOf(scope, entry.value);
    guard(value !== null, `the program holds ${wordsFor(entry.value)} of JavaScript's`);
    return [entry.refcount ?? 1, value];
  });
  return { held, free: [...freelist] };
}

export function putValues({ held, free }: Values, handles: Handles, scope: object): void {
  const { allocated, freelist, reserved } = handles;
  allocated.length = reserved;
  for (const kept of held) {
    allocated.push(kept ? { refcount: kept[0], value: valueOf(scope, kept[1]) } : undefined);
  }
  freelist.splice(0, freelist.length, ...free);
}

function nameOf(scope: object, value: unknown): Named | null {
  if (['string', 'number', 'boolean'].includes(typeof value)) {
    return { is: value as string | number | boolean };
  }
  if (value === scope) {
    return { at: [] };
  }
  const known = scope as Record<string, unknown>;
  if (typeof value === 'function' && known[value.name] === value) {
    return { at: [value.name] };
  }
  for (const name of Object.keys(scope).filter(key => OURS.test(key))) {
    const found = known[name];
    if (found === value) {
      return { at: [name] };
    }
    const inner = Object.entries(found ?? {}).find(([, part]) => part === value)?.[0];
    if (inner !== undefined) {
      return { at: [name, inner] };
    }
  }
  return null;
}

function valueOf(scope: object, named: Named): unknown {
  if ('is' in named) {
    return named.is;
  }
  const found = named.at.reduce<unknown>((owner, name) => (owner as Record<string, unknown> | undefined)?.[name], scope);
  guard(found !== undefined, `there is no ${named.at.join('.')} here`);
  return found;
}

function wordsFor(value: unknown): string {
  return typeof value === 'function' ? `the function "${value.name}"` : Object.prototype.toString.call(value);
}
