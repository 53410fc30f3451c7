/** What `lite-env site` and `lite-env serve` write into the page; see lite_env/site/page.py. */
export interface KernelChoice {
  readonly name: string;
  readonly display_name: string;
  readonly language: string;
  /** What its worker runs. */
  readonly worker: 'classic' | 'module';
}

export interface EnvironmentChoice {
  readonly name: string;
  /** URL of the pack's manifest.json, relative to the page. */
  readonly manifest: string;
  readonly kernels: readonly KernelChoice[];
}

export type DriveChoice =
  | { readonly kind: 'server'; readonly url: string; readonly name: string }
  | { readonly kind: 'browser'; readonly name: string }
  | { readonly kind: 'none' };

export interface PageConfig {
  readonly environments: readonly EnvironmentChoice[];
  /** URL of the runtime's folder, relative to the page, with a final slash. */
  readonly runtime: string;
  readonly drive: DriveChoice;
  /** Whether kernels may be restored from snapshots; yes where nothing is said. */
  readonly snapshots?: boolean;
  /** URL of the service worker, relative to the page; null where files are not kept. */
  readonly serviceWorker: string | null;
}

/** One kernel of one environment, as it stands in the picker and in the page's address. */
export interface Choice {
  readonly environment: EnvironmentChoice;
  readonly kernel: KernelChoice | null;
}

export function readConfig(document: Document): PageConfig {
  const text = document.getElementById('lite-env-config')?.textContent ?? '';
  try {
    return JSON.parse(text) as PageConfig;
  } catch (cause) {
    throw new Error('the page carries no configuration', { cause });
  }
}

/** All there is to choose from, in the order of the configuration. */
export function choicesOf(config: PageConfig): Choice[] {
  return config.environments.flatMap((environment): Choice[] =>
    environment.kernels.length === 0
      ? [{ environment, kernel: null }]
      : environment.kernels.map(kernel => ({ environment, kernel }))
  );
}

/** How a choice is written in the address: `#environment`, or `#environment/kernel` for another than the first. */
export function choiceKey({ environment, kernel }: Choice): string {
  const isFirst = kernel === null || kernel === environment.kernels[0];
  return [environment.name, ...(isFirst ? [] : [kernel.name])].map(encodeURIComponent).join('/');
}

/** What the address asks for: one of the choices, the site's first where it asks for nothing, or what there is not. */
export type Asked = { readonly choice: Choice } | { readonly unknown: string };

/**
 * Read the address's fragment: `#environment`, which is its first kernel, or `#environment/kernel`. Names may be
 * escaped or not, as people write them; nothing is opened in place of what is not there.
 *
 * @returns null when the site has no environment.
 */
export function askedFor(choices: readonly Choice[], hash: string): Asked | null {
  const fragment = hash.replace(/^#/, '');
  const [first] = choices;
  if (!first || !fragment) {
    return first ? { choice: first } : null;
  }
  const readings: ((names: readonly string[]) => boolean)[] = [
    names => names.map(encodeURIComponent).join('/') === fragment,
    names => names.join('/') === unescaped(fragment),
    names => unescaped(names.join('/')) === unescaped(fragment), // Escaped in part, as a browser does what was typed.
  ];
  const choice = readings
    .map(reads => choices.find(one => spellings(one).some(reads)))
    .find(found => found !== undefined);
  return choice ? { choice } : { unknown: unescaped(fragment) };
}

/** The names that mean a choice; an environment's alone means its first kernel only. */
function spellings({ environment, kernel }: Choice): string[][] {
  const isFirst = kernel === null || kernel === environment.kernels[0];
  const names = [environment.name, ...(kernel ? [kernel.name] : [])];
  return isFirst ? [names.slice(0, 1), names] : [names];
}

/** Escapes of a text undone, each run by itself: a `%` that somebody wrote as it is stays. */
function unescaped(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, run => {
    try {
      return decodeURIComponent(run);
    } catch {
      return run;
    }
  });
}

/** A choice in words. */
export function choiceLabel({ environment, kernel }: Choice): string {
  return kernel ? `${environment.name} · ${kernel.display_name}` : environment.name;
}
