import { boot, type Booted } from './boot';
import { describe, failureOf, type Failure } from './errors';
import type { Transport } from './io/transport';
import type { EmscriptenModule } from './kernel/emscripten';
import { awaitInput } from './kernel/input';
import { forgetInterrupt, isInterrupted, signalBuffer } from './kernel/interrupt';
import { forgetUnfinished } from './kernel/libraries';
import { takeUnfinishedLine, type StreamName } from './kernel/output';
import { XhrStdin } from './kernel/stdin';
import { explain } from './kernel/xeus';
import type { DriveSource, Emit, JupyterMessage, LinkSources, SharedChannels, ToWorker } from './protocol';

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
  /** Files beside a manifest, whose content may be there already. */
  transport(manifest: string, data: Uint8Array | null): Transport;
  locate(manifest: string, path: string): string;
}

/** One kernel in one worker: takes envelopes in order, gives envelopes out. */
export class Session {
  private booted: Booted | null = null;
  private shared: SharedChannels | null = null;
  private stdin: XhrStdin | null = null;
  /** Id of the question that the kernel asked last. */
  private question = '';
  /** Whether the kernel replied to the message it was given last. */
  private answered = false;
  /** What the kernel is busy with: the cell to which belongs what it writes past its own streams. */
  private current: JupyterMessage | null = null;
  private printed = 0;
  /** Messages are handed over one after the other: a cell may await before the next begins. */
  private queue: Promise<void> = Promise.resolve();
  private failStart: (reason: unknown) => void = () => undefined;
  private takeDrive: (drive: DriveSource | null) => void = () => undefined;
  private readonly linked = new Promise<DriveSource | null>(resolve => {
    this.takeDrive = resolve;
  });

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
    } else if (envelope.type === 'link') {
      this.takeLink(envelope);
    } else if (envelope.type === 'message') {
      this.queue = this.queue.then(() => this.toKernel(envelope.message));
    } else if (envelope.type === 'figures') {
      this.queue = this.queue.then(() => this.tellFigures());
    } else if (envelope.type === 'trace') {
      this.queue = this.queue.then(() => this.tellTrace());
    } else {
      this.queue = this.queue.then(() => this.tellFile(envelope.path));
    }
  }

  /**
   * Take an error that nobody waited for. While the kernel starts it is the reason why the start would never end: the
   * glue leaves promises alone. Later it is a program's own affair.
   */
  stray(reason: unknown): void {
    this.failStart(reason);
    this.host.emit({ type: 'log', level: 'error', text: `unhandled rejection: ${describe(reason)}` });
  }

  private async start(envelope: Extract<ToWorker, { type: 'start' }>): Promise<void> {
    const { emit } = this.host;
    this.shared = envelope.shared ?? null;
    const strayed = new Promise<never>((_, reject) => {
      this.failStart = reject;
    });
    try {
      const booting = boot({
        transport: this.host.transport(envelope.manifest, envelope.manifestData ?? null),
        kernel: envelope.kernel,
        env: envelope.env,
        drive: envelope.awaitsDrive ? this.linked : undefined,
        trace: envelope.trace,
        emit,
        print: (name, line) => this.print(name, `${line}\n`),
        locate: path => this.host.locate(envelope.manifest, path),
      });
      this.booted = await Promise.race([booting, strayed]);
      this.globals.Module = this.booted.module;
      const interrupts = this.enableInterrupt(this.booted.module);
      const { kernel, drive } = this.booted;
      emit({ type: 'ready', kernel: kernel.name, figures: this.booted.figures(), interrupts, drive });
    } catch (error) {
      emit({ type: 'error', error: failureOf(error, 'starting the kernel'), fatal: true });
    }
  }

  private takeLink({ drive, stdin }: LinkSources): void {
    this.stdin = stdin && new XhrStdin(stdin);
    this.takeDrive(drive);
  }

  private async toKernel(message: JupyterMessage): Promise<void> {
    if (!this.booted) {
      return; // The start failed and has been reported.
    }
    try {
      const { code } = message.content;
      if (message.header.msg_type === 'execute_request' && typeof code === 'string') {
        await this.booted.prepare(code);
      }
      this.forgetInterrupt();
      this.answered = false;
      this.current = message;
      forgetUnfinished(this.booted.module);
      this.booted.server.notify_listener(message);
      await this.topLevelAwait();
      this.printUnfinishedLines();
      this.answerForSilentKernel(message);
    } catch (error) {
      const cause = new Error(explain(this.booted.module, error), { cause: error });
      const failure = failureOf(cause, `handling ${message.header.msg_type}`);
      const file = failure.file ?? this.booted.kernel.wasm.path;
      this.host.emit({ type: 'error', error: { ...failure, file }, fatal: true });
      this.booted = null;
    } finally {
      this.current = null;
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

  /** An interrupt that came when nothing ran is not for the next cell. */
  private forgetInterrupt(): void {
    if (this.shared) {
      forgetInterrupt(this.shared.interrupt);
    }
  }

  /**
   * An interrupt that hits the kernel's own code before or after a cell makes it drop the request without a reply;
   * a client would wait for ever.
   */
  private answerForSilentKernel(request: JupyterMessage): void {
    if (this.answered || request.header.msg_type !== 'execute_request') {
      return;
    }
    const evalue = 'the kernel dropped the request without an answer: it was interrupted outside the cell';
    this.host.emit({
      type: 'message',
      message: {
        header: { ...request.header, msg_id: `${request.header.msg_id}-reply`, msg_type: 'execute_reply' },
        parent_header: request.header,
        metadata: {},
        content: { status: 'error', ename: 'KeyboardInterrupt', evalue, traceback: [evalue], execution_count: 0 },
        channel: 'shell',
        buffers: [],
      },
    });
  }

  private tellFigures(): void {
    if (this.booted) {
      this.host.emit({ type: 'figures', figures: this.booted.figures() });
    }
  }

  private tellTrace(): void {
    const { files, interpreter } = this.booted?.trace ?? { files: [], interpreter: 0 };
    this.host.emit({ type: 'trace', files: [...files], interpreter });
  }

  private tellFile(path: string): void {
    let data: Uint8Array | null = null;
    try {
      data = this.booted?.module.FS?.readFile(path) ?? null;
    } catch {
      // No such file, or one that cannot be read: the host hears that there is none.
    }
    this.host.emit({ type: 'read', path, data });
  }

  private fromKernel(message: unknown): void {
    const candidate = message as JupyterMessage | null;
    if (typeof candidate === 'object' && candidate !== null && 'header' in candidate) {
      if (candidate.content?.['execution_state'] === 'idle') {
        // Front ends do not listen for outputs of a cell that is over.
        this.printUnfinishedLines();
      }
      if (candidate.header.msg_type === 'input_request') {
        this.question = candidate.header.msg_id;
      }
      this.answered ||= candidate.header.msg_type.endsWith('_reply');
      this.host.emit({ type: 'message', message: candidate });
    }
  }

  /**
   * What a program writes to a descriptor itself (C's `printf`, `os.write`) passes by the kernel's own streams, of which
   * it makes messages; it is an output of the cell all the same.
   */
  private print(name: StreamName, text: string): void {
    const cell = this.current;
    if (!cell) {
      return;
    }
    const msg_id = `${cell.header.msg_id}-print-${(this.printed += 1)}`;
    this.host.emit({
      type: 'message',
      message: {
        header: { ...cell.header, msg_id, msg_type: 'stream' },
        parent_header: cell.header,
        metadata: {},
        content: { name, text },
        channel: 'iopub',
        buffers: [],
      },
    });
  }

  private printUnfinishedLines(): void {
    for (const name of ['stdout', 'stderr'] as const) {
      const text = this.booted ? takeUnfinishedLine(this.booted.module, name) : '';
      if (text) {
        this.print(name, text);
      }
    }
  }

  /**
   * `input()` blocks until the answer is in shared memory. The glue asks through `Asyncify.handleAsync`: kernels that
   * were built with Asyncify have one of their own and want a promise; those of 2023 were not, look for a global one
   * and find this, which makes the call an ordinary blocking one.
   */
  private answerBlocking(): void {
    let blocking = false;
    this.globals.Asyncify = {
      handleAsync: start => {
        blocking = true;
        try {
          return start();
        } finally {
          blocking = false;
        }
      },
    };
    this.globals.get_stdin = () => {
      const reply = this.input();
      return blocking ? { then: (receive: (reply: unknown) => unknown) => receive(reply) } : Promise.resolve(reply);
    };
  }

  private input(): JupyterMessage {
    if (this.shared) {
      const { input, interrupt } = this.shared;
      return awaitInput(input, this.question, () => isInterrupted(interrupt)) ?? this.interruptedInput();
    }
    try {
      if (this.stdin) {
        return this.stdin.ask(this.question);
      }
      this.tellOfInput('the page is not cross-origin isolated and has no service worker');
    } catch (error) {
      this.tellOfInput(describe(error));
    }
    return emptyReply();
  }

  /** The interrupt is raised where `input()` returns, not when CPython happens to look at the buffer next. */
  private interruptedInput(): JupyterMessage {
    const raise = this.booted?.module._PyErr_SetInterrupt;
    if (raise) {
      this.forgetInterrupt();
      raise();
    }
    return emptyReply();
  }

  private tellOfInput(reason: string): void {
    const error: Failure = {
      name: 'InputUnavailable',
      message: `input() got an empty answer: ${reason}`,
      file: null,
      hint: 'serve the page with cross-origin isolation, or with its service worker from https or localhost',
    };
    this.host.emit({ type: 'error', error, fatal: false });
  }

  /** CPython looks at the buffer between bytecodes; a kernel without the hook can only be stopped. */
  private enableInterrupt(module: EmscriptenModule): boolean {
    const address = module._Py_EMSCRIPTEN_SIGNAL_HANDLING;
    if (!this.shared || address === undefined || !module.HEAP32) {
      return false;
    }
    module.HEAP32[address >> 2] = 1;
    module.Py_EmscriptenSignalBuffer = signalBuffer(this.shared.interrupt);
    return true;
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
