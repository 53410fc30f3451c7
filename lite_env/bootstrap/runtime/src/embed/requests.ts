import { newId } from '../ids';
import { newMessage } from '../message';
import type { JupyterMessage } from '../protocol';
import type { RequestOptions } from './api';
import { tell, type Report } from './listeners';

/** How long an `idle` that does not come is waited for after a reply: an interrupted kernel may forget it. */
const IDLE_GRACE_MS = 1000;

interface Pending {
  readonly options: RequestOptions;
  readonly resolve: (reply: JupyterMessage) => void;
  readonly reject: (reason: Error) => void;
  reply: JupyterMessage | null;
  isIdle: boolean;
}

/** What requests go through, and to whom a page's own failures are told. */
export interface RequestPort {
  send(message: JupyterMessage): void;
  answerInput(reply: JupyterMessage): void;
  readonly report: Report;
}

/** Requests under way, and what comes for them. */
export class Requests {
  private readonly pending = new Map<string, Pending>();
  private readonly session = newId();

  constructor(private readonly port: RequestPort) {}

  /** Send a request; resolves with its reply when the kernel is idle again. */
  send(type: string, content: Record<string, unknown>, options: RequestOptions = {}): Promise<JupyterMessage> {
    const message = this.message(type, content, 'shell');
    return new Promise((resolve, reject) => {
      this.pending.set(message.header.msg_id, { options, resolve, reject, reply: null, isIdle: false });
      this.port.send(message);
    });
  }

  take(message: JupyterMessage): void {
    const id = String(message.parent_header['msg_id'] ?? '');
    const pending = this.pending.get(id);
    if (!pending) {
      return; // Sent by `Kernel.send`, or ended.
    }
    const type = message.header.msg_type;
    if (type === 'input_request') {
      void this.ask(pending, message);
    } else if (type.endsWith('_reply')) {
      pending.reply = message;
      this.settle(id, pending);
      setTimeout(() => this.finish(id, pending), IDLE_GRACE_MS);
    } else {
      tell(this.port.report, pending.options.onOutput, message);
      pending.isIdle ||= type === 'status' && message.content['execution_state'] === 'idle';
      this.settle(id, pending);
    }
  }

  /** Tell all that wait that no answer will come. */
  fail(reason: Error): void {
    const all = [...this.pending.values()];
    this.pending.clear();
    all.forEach(pending => pending.reject(reason));
  }

  /** An `input_reply` that says `value`. */
  inputReply(value: string, request?: JupyterMessage): JupyterMessage {
    const reply = this.message('input_reply', { status: 'ok', value }, 'stdin');
    return { ...reply, parent_header: request ? { ...request.header } : {} };
  }

  private settle(id: string, pending: Pending): void {
    if (pending.isIdle) {
      this.finish(id, pending);
    }
  }

  private finish(id: string, pending: Pending): void {
    if (pending.reply && this.pending.get(id) === pending) {
      this.pending.delete(id);
      pending.resolve(pending.reply);
    }
  }

  private async ask({ options: { onInput } }: Pending, request: JupyterMessage): Promise<void> {
    if (!onInput) {
      return; // A listener of `onMessage` may answer.
    }
    const { prompt, password } = request.content as { prompt?: string; password?: boolean };
    let value = '';
    try {
      value = String(await onInput(prompt ?? '', password ?? false));
    } catch {
      // Refused: the program gets an empty line.
    }
    this.port.answerInput(this.inputReply(value, request));
  }

  private message(type: string, content: Record<string, unknown>, channel: string): JupyterMessage {
    return newMessage(this.session, type, content, channel);
  }
}
