/**
 * Entry of JupyterLite's prebuilt extension: a container of Module Federation, written by hand. It is loaded with the page
 * and brings nothing along; what runs a kernel is loaded when one starts.
 */
import { isolate, thisPage } from './isolation';
import { loadModules } from './modules';
import { createPlugins } from './plugins';
import type { ShareScope } from './shared';
import type { Told } from './site';

interface Container {
  /** Called once, with what the application shares. */
  init(scope: ShareScope): void;
  get(module: string): Promise<() => unknown>;
}

const page = globalThis as unknown as { liteEnvExtension: Told; _JUPYTERLAB?: Record<string, Container> };
const told = page.liteEnvExtension;
/** Right in every application, in whatever folder it lies. */
const here = (document.currentScript as HTMLScriptElement).src;
let shared: ShareScope | null = null;

(page._JUPYTERLAB ??= {})[told.package] = {
  init(scope) {
    shared ??= scope;
  },
  async get(module) {
    if (module !== './extension') {
      throw new Error(`${told.package} has no module "${module}"`);
    }
    const modules = shared && (await loadModules(shared));
    const plugins = modules ? createPlugins(modules, told, here) : [];
    return () => ({ __esModule: true, default: plugins });
  },
};

if (told.site.isolate) {
  // Now, and not when the application has started: it would be loaded twice.
  const root = new URL('../', new URL(told.base, here));
  void isolate(thisPage(), root, told.site.build).then(reason => {
    if (reason !== null) {
      console.warn(`lite-env: this page is not cross-origin isolated: ${reason}`);
    }
  });
}
