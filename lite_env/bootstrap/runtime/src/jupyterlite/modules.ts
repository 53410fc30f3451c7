import type { LiteModule, ServicesModule, SignalClass } from './host-types';
import { load, type ShareScope } from './shared';

/** The application's modules that the extension uses; what one of the applications may lack is null there. */
export interface Modules {
  readonly services: ServicesModule;
  readonly signaling: { readonly Signal: SignalClass };
  readonly lite: LiteModule | null;
}

/** The modules of this application; null where it is no JupyterLite: JupyterLab has kernels of its own. */
export async function loadModules(scope: ShareScope): Promise<Modules | null> {
  const [services, signaling, lite] = await Promise.all([
    load<ServicesModule>(scope, '@jupyterlite/services'),
    load<Modules['signaling']>(scope, '@lumino/signaling'),
    load<LiteModule>(scope, '@jupyterlite/apputils'),
  ]);
  return services && signaling && { services, signaling, lite };
}
