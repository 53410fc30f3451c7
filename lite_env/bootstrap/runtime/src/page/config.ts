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

/** How a choice is written in the address: `#environment` or `#environment/kernel`. */
export function choiceKey({ environment, kernel }: Choice): string {
  const isFirst = kernel === null || kernel === environment.kernels[0];
  return [environment.name, ...(isFirst ? [] : [kernel.name])].map(encodeURIComponent).join('/');
}

/** The choice that the address names, or the first; null when the site has no environment. */
export function chosen(choices: readonly Choice[], hash: string): Choice | null {
  const key = hash.replace(/^#/, '');
  return choices.find(choice => choiceKey(choice) === key) ?? choices[0] ?? null;
}

/** A choice in words. */
export function choiceLabel({ environment, kernel }: Choice): string {
  return kernel ? `${environment.name} · ${kernel.display_name}` : environment.name;
}
