import type { JupyterMessage } from '../../protocol';
import type { Answer, Ask } from '../runtime';
import { Awaits } from './awaits';
import { asProtocol } from './dialect';
import type { EmscriptenModule } from './emscripten';
import { Progress } from './progress';

/** Names that xeus kernels look up in the global scope of their worker. */
interface KernelScope {
  postMessage: (message: unknown) => void;
  get_stdin: (request?: unknown) => unknown;
  Asyncify?: { handleAsync(start: () => unknown): unknown };
  Module?: EmscriptenModule;
  toplevel_promise: PromiseLike<unknown> | null;
  toplevel_promise_py_proxy: { delete(): void } | null;
}

/** What a kernel finds in the global scope, and leaves there. */
export class Globals {
  private readonly scope: KernelScope;
  /** Of the message that the kernel was given last. */
  readonly progress = new Progress();
  private readonly awaits = new Awaits();
  /** Whether a kernel without an Asyncify of its own is inside of its `handleAsync`. */
  private blocking = false;

  constructor(
    scope: object,
    private readonly post: (message: unknown) => void
  ) {
    this.scope = scope as KernelScope;
    this.scope.postMessage = message => this.say(message);
    this.scope.toplevel_promise = null;
    this.scope.toplevel_promise_py_proxy = null;
  }

  /** Kernels look for their own module, once they are started; a `restored` one was mended when it was. */
  show(module: EmscriptenModule, restored = false): void {
    this.scope.Module = module;
    this.awaits.mend(this.scope, module, restored);
  }

  /**
   * Answer questions, which block until there is an answer.
   *
   * xeus-lite from 3.1 on hands its question over, which it does not post, and takes the reply from the call. Before, it
   * posts the question and asks through `Asyncify.handleAsync` for a promise: kernels that were built with Asyncify have
   * one of their own; those of 2023 were not, look for a global one and find this, which makes the call a blocking one.
   */
  answer(ask: Ask, interrupted: () => void): void {
    this.scope.Asyncify = { handleAsync: start => this.block(start) };
    this.scope.get_stdin = request => {
      if (isMessage(request)) {
        this.say({ ...request, channel: 'stdin' });
      }
      const reply = received(ask(), interrupted);
      if (isMessage(request)) {
        return reply;
      }
      return this.blocking
        ? { then: (receive: (reply: unknown) => unknown) => receive(reply) }
        : Promise.resolve(reply);
    };
  }

  /** Whether a cell waits at a top-level `await`. */
  get isAwaiting(): boolean {
    return this.awaits.isOn;
  }

  /** A cell with a top-level `await` is done when its promise is, or when it takes an interrupt. */
  async settled(takeInterrupt: () => boolean): Promise<void> {
    const { scope } = this;
    (await this.awaits.over(takeInterrupt)).forEach(message => this.say(message));
    if (scope.toplevel_promise === null) {
      return;
    }
    try {
      await scope.toplevel_promise;
    } finally {
      scope.toplevel_promise_py_proxy?.delete();
      scope.toplevel_promise_py_proxy = null;
      scope.toplevel_promise = null;
    }
  }

  private say(message: unknown): void {
    if (isMessage(message)) {
      if (this.awaits.keeps(message)) {
        return;
      }
      this.progress.note(message);
    }
    this.post(isMessage(message) ? asProtocol(message) : message);
  }

  private block(start: () => unknown): unknown {
    this.blocking = true;
    try {
      return start();
    } finally {
      this.blocking = false;
    }
  }
}

function received({ reply, interrupted }: Answer, onInterrupt: () => void): JupyterMessage {
  if (interrupted) {
    onInterrupt();
  }
  return reply;
}

function isMessage(value: unknown): value is JupyterMessage {
  return typeof value === 'object' && value !== null && 'header' in value;
}
