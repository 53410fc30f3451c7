import type { App, HostKernel, HostKernelOptions, KernelSpecs, Plugin } from './host-types';
import type { Modules } from './modules';
import type { LiteKernelPlan, Told } from './site';

/** The plugins of the extension; `here` is the URL of remoteEntry.js. */
export function createPlugins(modules: Modules, { package: name, base, site }: Told, here: string): Plugin[] {
  const root = new URL(base, here);
  const kernels: Plugin = {
    id: `${name}:kernels`,
    description: 'Registers the kernels that lite_env has packed.',
    autoStart: true,
    requires: [modules.services.IKernelSpecs],
    optional: [],
    activate: (_app: App, specs: unknown) => {
      for (const plan of site.kernels) {
        (specs as KernelSpecs).register({ spec: specOf(plan, root), create: options => create(plan, options) });
      }
    },
  };
  return [kernels];
}

function create(plan: LiteKernelPlan, _options: HostKernelOptions): Promise<HostKernel> {
  return Promise.reject(new Error(`${plan.name} cannot start yet`));
}

/** URLs of logos are absolute: the application may lie in any folder below the site's. */
function specOf({ name, display_name, language, logos }: LiteKernelPlan, root: URL) {
  const resources = Object.fromEntries(Object.entries(logos).map(([logo, url]) => [logo, new URL(url, root).href]));
  return { name, display_name, language, argv: [], resources };
}
