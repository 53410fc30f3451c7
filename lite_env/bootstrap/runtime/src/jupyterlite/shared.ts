/** The modules that a JupyterLite application shares with its extensions, by the rules of Module Federation. */

/** One version of a shared module, as webpack and rspack write it. */
export interface SharedModule {
  /** The module's factory, once its script is there. */
  get(): Promise<() => unknown> | (() => unknown);
  readonly loaded?: boolean | number;
  readonly from?: string;
}

/** Versions by package name. */
export type ShareScope = Readonly<Record<string, Readonly<Record<string, SharedModule>>>>;

/**
 * The version of a package that the application itself uses: tokens are told apart by identity. It is the newest, unless
 * an older one is loaded already. Null where there is none.
 */
export function pick(scope: ShareScope, name: string): string | null {
  const versions = scope[name] ?? {};
  let chosen: string | null = null;
  for (const version of Object.keys(versions)) {
    if (chosen === null || (!versions[chosen]?.loaded && isOlder(chosen, version))) {
      chosen = version;
    }
  }
  return chosen;
}

/** Whether a version comes before another one; `1.0.0-rc1` before `1.0.0`. */
export function isOlder(one: string, other: string): boolean {
  const [first, second] = [partsOf(one), partsOf(other)];
  for (let at = 0; at < Math.max(first.length, second.length); at += 1) {
    const [a, b] = [first[at], second[at]];
    if (a === b) {
      continue;
    }
    if (a === undefined || b === undefined) {
      // More numbers are newer, a word behind them is not.
      return a === undefined ? typeof b === 'number' : typeof a === 'string';
    }
    if (typeof a === typeof b) {
      return a < b;
    }
    return typeof a === 'string';
  }
  return false;
}

function partsOf(version: string): (number | string)[] {
  const words = version.replace(/\+.*$/, '').match(/\d+|[a-z]+/gi) ?? [];
  return words.map(word => (/^\d/.test(word) ? Number(word) : word));
}

/** A shared module; null where the application has none of that name, or it does not load. */
export async function load<Module>(scope: ShareScope, name: string): Promise<Module | null> {
  const version = pick(scope, name);
  const entry = version === null ? undefined : scope[name]?.[version];
  try {
    return entry ? ((await entry.get())() as Module) : null;
  } catch (error) {
    console.warn(`lite-env: ${name} ${version} did not load`, error);
    return null;
  }
}
