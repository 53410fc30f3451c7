import { boot, type Booted } from './boot';
import { failureOf } from './errors';
import type { Transport } from './io/transport';
import type { EmscriptenModule } from './kernel/emscripten';
import { awaitInput } from './kernel/input';
import { explain } from './kernel/xeus';
import type { Emit, JupyterMessage, SharedChannels, ToWorker } from './protocol';

/** Names that xeus kernels look up in the global scope of their worker. */
interface KernelGlobals {
  postMessage: (message: unknown) => void;
  get_stdin: () => unknown;
  Asyncify?: { handleAsync(start: () => unknown): unknown };
  Module?: EmscriptenModule;
  toplevel_promise: PromiseLike<unknown> | null;
  toplevel_promise_py_proxy: { delete(): void } | null;
}

export interface SessionHost {
  readonly emit: Emit;
  transport(manifest: string): Transport;
  locate(manifest: string, path: string): string;
}

/** One kernel in one worker: takes envelopes in order, gives envelopes out. */
export class Session {
  private booted: Booted | null = null;
  private shared: SharedChannels | null = null;
  /** Messages are handed over one after the other: a cell may await before the next begins. */
  private queue: Promise<void> = Promise.resolve();

  constructor(
    private readonly globals: KernelGlobals,
    private readonly host: SessionHost
  ) {
    globals.postMessage = message => this.fromKernel(message);
    globals.toplevel_promise = null;
    globals.toplevel_promise_py_proxy = null;
    this.answerBlocking();
  }

  /** Take one envelope from the host. */
  receive(envelope: ToWorker): void {
    if (envelope.type === 'start') {
      this.queue = this.start(envelope);
    } else if (envelope.type === 'message') {
      this.queue = this.queue.then(() => this.toKernel(envelope.message));
    } else {
      this.queue = this.queue.then(() => this.tellFigures());
    }
  }

  private async start(envelope: Extract<ToWorker, { type: 'start' }>): Promise<void> {
    const { emit } = this.host;
    this.shared = envelope.shared ?? null;
    try {
      this.booted = await boot({
        transport: this.host.transport(envelope.manifest),
        kernel: envelope.kernel,
        env: envelope.env,
        emit,
        locate: path => this.host.locate(envelope.manifest, path),
      });
      this.globals.Module = this.booted.module;
      this.enableInterrupt(this.booted.module);
      emit({ type: 'ready', kernel: this.booted.kernel.name, figures: this.booted.figures() });
    } catch (error) {
      emit({ type: 'error', error: failureOf(error, 'starting the kernel'), fatal: true });
    }
  }

  private async toKernel(message: JupyterMessage): Promise<void> {
    if (!this.booted) {
      return; // The start failed and has been reported.
    }
    try {
      this.booted.server.notify_listener(message);
      await this.topLevelAwait();
    } catch (error) {
      const text = explain(this.booted.module, error);
      const failure = failureOf(error, `handling ${message.header.msg_type}`);
      this.host.emit({ type: 'error', error: { ...failure, message: `${failure.message} (${text})` }, fatal: true });
      this.booted = null;
    }
  }

  /** A cell with a top-level `await` is done when its promise is. */
  private async topLevelAwait(): Promise<void> {
    const { globals } = this;
    if (globals.toplevel_promise !== null) {
      const promise = globals.toplevel_promise;
      try {
        await promise;
      } finally {
        globals.toplevel_promise_py_proxy?.delete();
        globals.toplevel_promise_py_proxy = null;
        globals.toplevel_promise = null;
      }
    }
  }

  private tellFigures(): void {
    if (this.booted) {
      this.host.emit({ type: 'figures', figures: this.booted.figures() });
    }
  }

  private fromKernel(message: unknown): void {
    const candidate = message as JupyterMessage | null;
    if (typeof candidate === 'object' && candidate !== null && 'header' in candidate) {
      this.host.emit({ type: 'message', message: candidate });
    }
  }

  /**
   * `input()` blocks. The glue wraps the host's answer in `Asyncify.handleAsync`, of which the 2023 kernels have none:
   * a pretended one that runs at once, and an answer that is there at once, make the call an ordinary blocking one.
   */
  private answerBlocking(): void {
    this.globals.Asyncify ??= { handleAsync: start => start() };
    this.globals.get_stdin = () => ({ then: (receive: (reply: unknown) => unknown) => receive(this.input()) });
  }

  private input(): JupyterMessage {
    const reply = this.shared ? awaitInput(this.shared.input) : null;
    return reply ?? emptyReply();
  }

  /** CPython looks at the buffer between bytecodes; a kernel without the hook can only be stopped. */
  private enableInterrupt(module: EmscriptenModule): void {
    const address = module._Py_EMSCRIPTEN_SIGNAL_HANDLING;
    if (this.shared && address !== undefined && module.HEAP32) {
      module.HEAP32[address >> 2] = 1;
      module.Py_EmscriptenSignalBuffer = new Uint8Array(this.shared.interrupt);
    }
  }
}

function emptyReply(): JupyterMessage {
  return {
    header: { msg_id: '', msg_type: 'input_reply', session: '' },
    parent_header: {},
    metadata: {},
    content: { status: 'ok', value: '' },
    channel: 'stdin',
    buffers: [],
  };
}
