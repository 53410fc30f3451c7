import { describe, type Failure } from '../errors';
import type { Answer } from '../family/runtime';
import { awaitInput } from '../kernel/input';
import { isInterrupted } from '../kernel/interrupt';
import { XhrStdin } from '../kernel/stdin';
import type { Emit, JupyterMessage, SharedChannels, StdinSource } from '../protocol';

/** Answers `input()`, which blocks the worker, over whichever way there is to its page. */
export class Stdin {
  private shared: SharedChannels | null = null;
  private service: XhrStdin | null = null;
  /** Id of the question that the kernel asked last. */
  private question = '';

  constructor(private readonly emit: Emit) {}

  /** Memory that the host shares with this worker, where it does. */
  share(shared: SharedChannels | null): void {
    this.shared = shared;
  }

  /** The service worker, where there is one. */
  link(source: StdinSource | null): void {
    this.service = source && new XhrStdin(source);
  }

  /** Take note of what the kernel says. */
  note(message: JupyterMessage): void {
    if (message.header.msg_type === 'input_request') {
      this.question = message.header.msg_id;
    }
  }

  /** Block until the host answers the question that it was sent last. */
  ask(): Answer {
    if (this.shared) {
      const { input, interrupt } = this.shared;
      const reply = awaitInput(input, this.question, () => isInterrupted(interrupt));
      return { reply: reply ?? emptyReply(), interrupted: reply === null };
    }
    try {
      if (this.service) {
        return { reply: this.service.ask(this.question), interrupted: false };
      }
      this.complain('the page is not cross-origin isolated and has no service worker');
    } catch (error) {
      this.complain(describe(error));
    }
    return { reply: emptyReply(), interrupted: false };
  }

  private complain(reason: string): void {
    const error: Failure = {
      name: 'InputUnavailable',
      message: `input() got an empty answer: ${reason}`,
      file: null,
      hint: 'serve the page with cross-origin isolation, or with its service worker from https or localhost',
    };
    this.emit({ type: 'error', error, fatal: false });
  }
}

/** An answer without a text. */
export function emptyReply(): JupyterMessage {
  return {
    header: { msg_id: '', msg_type: 'input_reply', session: '' },
    parent_header: {},
    metadata: {},
    content: { status: 'ok', value: '' },
    channel: 'stdin',
    buffers: [],
  };
}
