import type { DriveOption, Kernel } from '../embed/api';
import { failureOf, type Failure } from '../errors';
import type { JupyterMessage } from '../protocol';
import { about, answersTo, isReply, isRequest, linesOf } from './answers';
import type { HostKernel, HostKernelOptions, Signal, SignalClass } from './host-types';
import { StartProgress } from './progress';
import type { LiteKernelPlan } from './site';
import { isShown, StartDisplay } from './start-display';
import type { StartOptions } from './starter';

/** What a kernel needs of its page. */
export interface KernelHost {
  readonly Signal: SignalClass;
  /** The drive and the folder in it, or why there is none; waits until the kernel can reach it. */
  reach(location: string): Promise<Reached>;
  start(name: string, options: StartOptions): Promise<Kernel>;
  readonly feedback: Feedback;
  /** The kernel is gone. */
  forget(kernel: LiteKernel): void;
}

export interface Reached {
  readonly drive: DriveOption | null;
  readonly cwd: string;
  /** What is not as it should be. */
  readonly trouble: string | null;
}

/** Who tells the visitor of kernels. */
export interface Feedback {
  /** Whether a start is shown while it goes on. */
  readonly hasStatusBar: boolean;
  began(kernel: LiteKernel): void;
  progress(kernel: LiteKernel, text: string): void;
  /** The start is over, or not wanted any more. */
  ended(kernel: LiteKernel): void;
  /** The kernel answers nothing any more but this; `isSaid` where a cell shows it. */
  failed(kernel: LiteKernel, failure: Failure, isSaid: boolean): void;
  log(kernel: LiteKernel, level: 'info' | 'warn' | 'error', text: string): void;
}

/**
 * A packed kernel as JupyterLite wants one. It is there at once and starts behind that: what it is asked meanwhile waits,
 * and when it cannot start every request is answered with the reason.
 */
export class LiteKernel implements HostKernel {
  /** A rejected one would be swallowed by the application, which then waits for ever. */
  readonly ready = Promise.resolve();
  readonly disposed: Signal<HostKernel, void>;
  isDisposed = false;
  private kernel: Kernel | null = null;
  private failure: Failure | null = null;
  /** What came before the kernel was there. */
  private waiting: JupyterMessage[] = [];
  /** Requests without a reply, by id. */
  private readonly open = new Map<string, JupyterMessage>();
  /** Of the client that has spoken last: it gets what answers nobody. */
  private session = '';
  private readonly end = new AbortController();
  private readonly display = new StartDisplay(message => this.say(message));
  /** What is said in the next cell. */
  private untold: string | null = null;

  constructor(
    readonly plan: LiteKernelPlan,
    private readonly options: HostKernelOptions,
    private readonly host: KernelHost
  ) {
    this.disposed = new host.Signal<HostKernel, void>(this);
    void this.start().catch(error => this.fail(reasonOf(error)));
  }

  get id(): string {
    return this.options.id;
  }

  get name(): string {
    return this.options.name;
  }

  get location(): string {
    return this.options.location;
  }

  /** Whether a running cell can be interrupted. */
  get canInterrupt(): boolean {
    return this.kernel?.canInterrupt ?? false;
  }

  /** Whether a cell runs or waits. */
  get isBusy(): boolean {
    return [...this.open.values()].some(({ header }) => header.msg_type === 'execute_request');
  }

  /** Take a message. It returns at once: the kernel's worker has the queue, and knows which cells an error skips. */
  async handleMessage(message: JupyterMessage): Promise<void> {
    if (message.header.msg_type === 'input_reply') {
      this.kernel?.answerInput(message);
      return;
    }
    this.session = message.header.session;
    if (isRequest(message)) {
      this.open.set(message.header.msg_id, message);
    }
    if (this.failure) {
      this.answer(message, this.failure);
    } else if (this.kernel) {
      this.hand(message, this.kernel);
    } else {
      this.waiting.push(message);
      this.say(about(message, 'status', { execution_state: 'starting' }));
    }
  }

  interrupt(): void {
    this.kernel?.interrupt();
  }

  dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this.isDisposed = true;
    this.end.abort();
    this.kernel?.dispose();
    this.waiting = [];
    this.open.clear();
    this.host.feedback.ended(this);
    this.host.forget(this);
    this.disposed.emit(undefined);
    this.host.Signal.clearData(this);
  }

  private async start(): Promise<void> {
    const { feedback } = this.host;
    feedback.began(this);
    const reached = await this.host.reach(this.location);
    if (this.isDisposed) {
      return;
    }
    if (reached.trouble !== null) {
      this.note(reached.trouble);
    }
    const kernel = await this.begin(reached);
    if (this.isDisposed) {
      kernel.dispose();
      return;
    }
    this.kernel = kernel;
    kernel.onMessage(message => this.give(message));
    kernel.onError((failure, fatal) => (fatal ? this.fail(failure) : this.trouble(failure)));
    feedback.ended(this);
    this.display.clear();
    this.waiting.splice(0).forEach(message => this.hand(message, kernel));
  }

  /** A drive that cannot be shown is no reason to have no kernel. */
  private async begin({ drive, cwd }: Pick<Reached, 'drive' | 'cwd'>): Promise<Kernel> {
    const { feedback } = this.host;
    const progress = new StartProgress(this.plan.display_name, this.plan.bytes);
    try {
      const kernel = await this.host.start(this.name, {
        drive,
        cwd,
        signal: this.end.signal,
        onProgress: step => this.isDisposed || this.kernel || this.progress(progress.take(step)),
        onLog: (level, text) => feedback.log(this, level, text),
      });
      if (!this.isDisposed) {
        feedback.log(this, 'info', progress.done());
      }
      return kernel;
    } catch (error) {
      const failure = reasonOf(error);
      if (!drive || failure.name !== 'DriveFailed') {
        throw error;
      }
      this.note(`lite-env: this kernel has no /drive\n${linesOf(failure).join('\n')}`);
      return this.begin({ drive: null, cwd: '' });
    }
  }

  private progress(text: string): void {
    this.host.feedback.progress(this, text);
    if (!this.host.feedback.hasStatusBar) {
      this.display.show(text, this.waiting);
    }
  }

  private hand(message: JupyterMessage, kernel: Kernel): void {
    if (this.untold !== null && isShown(message)) {
      this.say(about(message, 'stream', { name: 'stderr', text: `${this.untold}\n` }));
      this.untold = null;
    }
    try {
      kernel.send(kernel.canInput ? message : withoutQuestions(message));
    } catch (error) {
      this.fail(reasonOf(error)); // It has ended, and is about to tell.
    }
  }

  /** Pass on what the kernel says; the application finds its client by the session. */
  private give(message: JupyterMessage): void {
    const { msg_id, session } = message.parent_header as { msg_id?: string; session?: string };
    if (isReply(message) && msg_id !== undefined) {
      this.open.delete(msg_id);
    }
    this.say({ ...message, header: { ...message.header, session: session || this.session } });
  }

  private say(message: JupyterMessage): void {
    if (!this.isDisposed && message.header.session) {
      this.options.sendMessage({ ...message, metadata: message.metadata ?? {}, buffers: message.buffers ?? [] });
    }
  }

  /** Nothing comes of this kernel any more: whoever waits is told, and whoever asks from now on. */
  private fail(failure: Failure): void {
    if (this.isDisposed || this.failure) {
      return;
    }
    this.failure = failure;
    this.display.clear();
    const isSaid = [...this.open.values()].some(isShown);
    this.waiting = this.waiting.filter(message => !isRequest(message)); // Those are open as well.
    [...this.waiting.splice(0), ...this.open.values()].forEach(message => this.answer(message, failure));
    this.host.feedback.failed(this, failure, isSaid);
  }

  private answer(request: JupyterMessage, failure: Failure): void {
    this.open.delete(request.header.msg_id);
    answersTo(request, failure, this.plan.language).forEach(message => this.say(message));
  }

  /** Something went wrong that the kernel outlives: it is said in the cell that runs. */
  private trouble(failure: Failure): void {
    const text = linesOf(failure).join('\n');
    this.host.feedback.log(this, 'error', text);
    const cell = [...this.open.values()].find(({ header }) => header.msg_type === 'execute_request');
    if (cell) {
      this.say(about(cell, 'stream', { name: 'stderr', text: `${text}\n` }));
    }
  }

  private note(text: string): void {
    this.untold = text;
    this.host.feedback.log(this, 'warn', text);
  }
}

/** A cell that must not ask: its question would stand there, and nobody could hear the answer. */
function withoutQuestions(message: JupyterMessage): JupyterMessage {
  return message.content['allow_stdin'] ? { ...message, content: { ...message.content, allow_stdin: false } } : message;
}

/** The runtime's errors have a failure, whichever version of it threw them. */
function reasonOf(error: unknown): Failure {
  const { failure } = (error ?? {}) as { failure?: Partial<Failure> };
  return typeof failure?.message === 'string' ? (failure as Failure) : failureOf(error, 'starting the kernel');
}
