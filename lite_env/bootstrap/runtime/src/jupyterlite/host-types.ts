/** The few interfaces of JupyterLab and JupyterLite that the extension uses, in 0.7 and 0.8. */
import type { ContentsManager, JupyterMessage } from '../embed/api';

/** Stands for a service of the application; of whoever provides it, and told apart by identity. */
export type Token<Service> = { readonly name: string } & { readonly __service?: Service };

export interface Signal<Sender, Args> {
  connect(slot: (sender: Sender, args: Args) => void): boolean;
  disconnect(slot: (sender: Sender, args: Args) => void): boolean;
  emit(args: Args): void;
}

export interface SignalClass {
  new <Sender, Args>(sender: Sender): Signal<Sender, Args>;
  clearData(owner: unknown): void;
}

/** `IKernel` of @jupyterlite/services. */
export interface HostKernel {
  readonly id: string;
  readonly name: string;
  readonly location: string;
  readonly ready: Promise<void>;
  readonly isDisposed: boolean;
  readonly disposed: Signal<HostKernel, void>;
  dispose(): void;
  handleMessage(message: JupyterMessage): Promise<void>;
}

export interface HostKernelOptions {
  readonly id: string;
  readonly name: string;
  /** Folder of the notebook: `folder`, or `Drive:folder`. */
  readonly location: string;
  sendMessage(message: JupyterMessage): void;
}

export interface KernelSpec {
  readonly name: string;
  readonly display_name: string;
  readonly language: string;
  readonly argv: readonly string[];
  readonly resources: Readonly<Record<string, string>>;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** `IKernelSpecs` of @jupyterlite/services. */
export interface KernelSpecs {
  readonly specs: { readonly default: string; readonly kernelspecs: Readonly<Record<string, KernelSpec | undefined>> } | null;
  register(options: { spec: KernelSpec; create(options: HostKernelOptions): Promise<HostKernel> }): void;
}

/** `IKernelClient` of @jupyterlite/services. */
export interface KernelClient {
  interrupt(id: string): Promise<void>;
}

/** `IServiceWorkerManager` of @jupyterlite/apputils. */
export interface ServiceWorkerManager {
  readonly enabled: boolean;
  /** May never settle, and rejects with nothing. */
  readonly ready: Promise<void>;
}

/** `ServiceManager.contents`. */
export interface HostContents extends ContentsManager {
  /** Name of the drive that a path is in; empty for the default one. */
  driveName(path: string): string;
}

export interface Session {
  readonly path: string;
  readonly kernel: { readonly id: string } | null;
}

/** The kernel of a notebook or console, as these reach it. */
export interface SessionContext {
  readonly session: { readonly kernel: { readonly id: string; restart(): Promise<void> } | null } | null;
}

/** A notebook has its session itself, the panel of a console that of its console. */
export interface ConnectedWidget {
  readonly sessionContext?: SessionContext;
  readonly console?: { readonly sessionContext: SessionContext };
}

/** `JupyterFrontEnd`. */
export interface App {
  readonly serviceManager: {
    readonly contents: HostContents;
    readonly sessions: { running(): Iterable<Session> };
  };
  readonly shell: { widgets(area: 'main'): Iterable<unknown> };
}

/** `ILoggerRegistry` of @jupyterlab/logconsole. */
export interface LoggerRegistry {
  getLogger(source: string): {
    log(line: { type: 'text'; level: 'info' | 'warning' | 'error'; data: string }): void;
  };
}

/** `IStatusBar` of @jupyterlab/statusbar. */
export interface StatusBar {
  registerStatusItem(id: string, options: { item: unknown; align: 'left' | 'right'; rank: number }): unknown;
}

/** What JupyterLab makes of a plugin when it activates it. */
export interface Plugin {
  readonly id: string;
  readonly description: string;
  readonly autoStart: true;
  readonly requires: readonly Token<unknown>[];
  readonly optional: readonly Token<unknown>[];
  activate(app: App, ...services: unknown[]): void;
}

/** Of @jupyterlite/services. */
export interface ServicesModule {
  readonly IKernelSpecs: Token<KernelSpecs>;
  readonly IKernelClient: Token<KernelClient>;
}

export interface KernelPreference {
  readonly name?: string;
  readonly language?: string;
}

/** Of @jupyterlab/apputils. */
export interface SessionContextClass {
  readonly prototype: { kernelPreference: KernelPreference; initialize?(...told: unknown[]): Promise<unknown> };
}

interface Button {
  readonly accept: boolean;
}

/** Of @jupyterlab/apputils. */
export interface LabModule {
  readonly SessionContext?: SessionContextClass;
  readonly Dialog?: {
    cancelButton(options: { label: string }): Button;
    warnButton(options: { label: string }): Button;
  };
  showDialog?(options: { title: string; body: string; buttons: readonly Button[] }): Promise<{ readonly button: Button }>;
}

/** Of @lumino/widgets. */
export interface WidgetsModule {
  readonly Widget: new (options: { node: HTMLElement }) => { readonly node: HTMLElement };
}

/** Of @jupyterlite/apputils. */
export interface LiteModule {
  readonly IServiceWorkerManager?: Token<ServiceWorkerManager>;
}
