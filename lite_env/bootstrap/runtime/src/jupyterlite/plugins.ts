import { PageFeedback } from './feedback';
import { hasSharedMemory, PageHost } from './host';
import type {
  App,
  KernelClient,
  KernelSpec,
  KernelSpecs,
  LoggerRegistry,
  Plugin,
  ServiceWorkerManager,
  StatusBar,
  Token,
} from './host-types';
import { takeInterrupts } from './interrupt';
import { LiteKernel } from './kernel';
import type { Modules } from './modules';
import { choose, mapKernels } from './preference';
import type { LiteKernelPlan, LiteSite, Told } from './site';
import { Starter } from './starter';
import { Refusals } from './why-not';

/** The plugins of the extension; `here` is the URL of remoteEntry.js. */
export function createPlugins(modules: Modules, { package: name, base, site }: Told, here: string): Plugin[] {
  const root = new URL(base, here);
  const { IKernelSpecs, IKernelClient } = modules.services;
  const optional = {
    client: IKernelClient,
    service: modules.lite?.IServiceWorkerManager,
    loggers: modules.logconsole?.ILoggerRegistry,
    bar: modules.statusbar?.IStatusBar,
  };
  const given = Object.entries(optional).filter((entry): entry is [string, Token<never>] => entry[1] !== undefined);
  const kernels: Plugin = {
    id: `${name}:kernels`,
    description: 'Registers the kernels that lite_env has packed.',
    autoStart: true,
    requires: [IKernelSpecs],
    optional: given.map(([, token]) => token),
    activate: (app: App, specs: unknown, ...services: unknown[]) => {
      const found = Object.fromEntries(given.map(([key], at) => [key, services[at] ?? null]));
      activate(app, modules, site, root, { specs: specs as KernelSpecs, ...(found as Omit<Services, 'specs'>) });
    },
  };
  return [kernels];
}

/** Services of the application; which of them are there is the application's affair. */
interface Services {
  readonly specs: KernelSpecs;
  readonly client?: KernelClient | null;
  readonly service?: ServiceWorkerManager | null;
  readonly loggers?: LoggerRegistry | null;
  readonly bar?: StatusBar | null;
}

function activate(app: App, modules: Modules, site: LiteSite, root: URL, services: Services): void {
  const { specs, client, service = null, loggers = null, bar = null } = services;
  const feedback = new PageFeedback(app, modules, loggers, bar, site.notes);
  const refusals = new Refusals(root);
  document.addEventListener('securitypolicyviolation', violation => refusals.take(violation));
  const starter = new Starter(site, root, refusals);
  const host = new PageHost(modules.signaling.Signal, feedback, starter, app.serviceManager.contents, service);
  for (const plan of site.kernels) {
    specs.register({
      spec: specOf(plan, root),
      create: options => {
        const kernel = new LiteKernel(plan, options, host);
        host.kernels.set(kernel.id, kernel);
        return Promise.resolve(kernel);
      },
    });
  }
  if (client) {
    takeInterrupts(client, id => host.kernels.get(id), kernel => void feedback.ask(kernel, CANNOT, whyNot()));
  }
  if (modules.lab?.SessionContext) {
    const isKnown = (kernel: string) => specs.specs?.kernelspecs[kernel] !== undefined;
    mapKernels(modules.lab.SessionContext, preference => choose(preference, isKnown, site));
  }
}

const CANNOT = 'The running cell cannot be interrupted';

function whyNot(): string {
  const reason = hasSharedMemory()
    ? 'This kernel does not listen to interrupts'
    : 'Nothing reaches a running cell on this page, which is not cross-origin isolated';
  return `${reason}. A restart ends the cell and forgets all variables; files that were written are still there.`;
}

/** URLs of logos are absolute: the application may lie in any folder below the site's. */
function specOf({ name, display_name, language, logos }: LiteKernelPlan, root: URL): KernelSpec {
  const resources = Object.fromEntries(Object.entries(logos).map(([logo, url]) => [logo, new URL(url, root).href]));
  return { name, display_name, language, argv: [], resources };
}
