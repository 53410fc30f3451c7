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

export interface Commands {
  hasCommand(id: string): boolean;
  execute(id: string, args?: Readonly<Record<string, unknown>>): Promise<unknown>;
}

/** `JupyterFrontEnd`. */
export interface App {
  readonly serviceManager: {
    readonly contents: HostContents;
    readonly sessions: { running(): Iterable<Session> };
  };
  readonly commands: Commands;
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

/** Of @jupyterlite/apputils. */
export interface LiteModule {
  readonly IServiceWorkerManager?: Token<ServiceWorkerManager>;
}
