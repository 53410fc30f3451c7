import { ConsoleFeedback } from './feedback';
import { PageHost } from './host';
import type { App, KernelSpec, KernelSpecs, Plugin, ServiceWorkerManager } from './host-types';
import { LiteKernel } from './kernel';
import type { Modules } from './modules';
import type { LiteKernelPlan, Told } from './site';
import { Starter } from './starter';

/** The plugins of the extension; `here` is the URL of remoteEntry.js. */
export function createPlugins(modules: Modules, { package: name, base, site }: Told, here: string): Plugin[] {
  const root = new URL(base, here);
  const { IKernelSpecs } = modules.services;
  const service = modules.lite?.IServiceWorkerManager;
  const kernels: Plugin = {
    id: `${name}:kernels`,
    description: 'Registers the kernels that lite_env has packed.',
    autoStart: true,
    requires: [IKernelSpecs],
    optional: service ? [service] : [],
    activate: (app: App, specs: unknown, manager: unknown = null) => {
      const host = new PageHost(
        modules.signaling.Signal,
        new ConsoleFeedback(),
        new Starter(site, root),
        app.serviceManager.contents,
        manager as ServiceWorkerManager | null
      );
      for (const plan of site.kernels) {
        (specs as KernelSpecs).register({
          spec: specOf(plan, root),
          create: options => {
            const kernel = new LiteKernel(plan, options, host);
            host.kernels.set(kernel.id, kernel);
            return Promise.resolve(kernel);
          },
        });
      }
    },
  };
  return [kernels];
}

/** URLs of logos are absolute: the application may lie in any folder below the site's. */
function specOf({ name, display_name, language, logos }: LiteKernelPlan, root: URL): KernelSpec {
  const resources = Object.fromEntries(Object.entries(logos).map(([logo, url]) => [logo, new URL(url, root).href]));
  return { name, display_name, language, argv: [], resources };
}
