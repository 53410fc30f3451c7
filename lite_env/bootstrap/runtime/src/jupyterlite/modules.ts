import type {
  LabModule,
  LiteModule,
  LoggerRegistry,
  ServicesModule,
  SignalClass,
  StatusBar,
  Token,
  WidgetsModule,
} from './host-types';
import { load, type ShareScope } from './shared';

/** The application's modules that the extension uses; what one of the applications may lack is null there. */
export interface Modules {
  readonly services: ServicesModule;
  readonly signaling: { readonly Signal: SignalClass };
  readonly lite: LiteModule | null;
  readonly lab: LabModule | null;
  readonly widgets: WidgetsModule | null;
  readonly logconsole: { readonly ILoggerRegistry?: Token<LoggerRegistry> } | null;
  readonly statusbar: { readonly IStatusBar?: Token<StatusBar> } | null;
}

/** The modules of this application; null where it is no JupyterLite: JupyterLab has kernels of its own. */
export async function loadModules(scope: ShareScope): Promise<Modules | null> {
  const [services, signaling, lite, lab, widgets, logconsole, statusbar] = await Promise.all([
    load<ServicesModule>(scope, '@jupyterlite/services'),
    load<Modules['signaling']>(scope, '@lumino/signaling'),
    load<LiteModule>(scope, '@jupyterlite/apputils'),
    load<LabModule>(scope, '@jupyterlab/apputils'),
    load<WidgetsModule>(scope, '@lumino/widgets'),
    load<NonNullable<Modules['logconsole']>>(scope, '@jupyterlab/logconsole'),
    load<NonNullable<Modules['statusbar']>>(scope, '@jupyterlab/statusbar'),
  ]);
  return services && signaling && { services, signaling, lite, lab, widgets, logconsole, statusbar };
}
