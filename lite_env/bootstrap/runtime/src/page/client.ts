/** Jupyter's messaging on one kernel: requests with their replies, outputs to the cell they belong to. */
import type { JupyterMessage } from '../protocol';
import { newId } from './dom';

/** What the client needs of a kernel. */
export interface MessagePort {
  send(message: JupyterMessage): void;
  answerInput(reply: JupyterMessage): void;
}

export type Content = Record<string, unknown>;

/** What may come for a cell while it runs. */
export interface CellHandlers {
  onOutput?(message: JupyterMessage): void;
  /** Asked for a line; a password is not to be shown. */
  onInput?(prompt: string, password: boolean): Promise<string>;
}

interface Pending extends CellHandlers {
  resolve(content: Content): void;
  reject(reason: Error): void;
  reply: Content | null;
  idle: boolean;
  /** Whether the reply alone is no end: outputs may follow until the kernel is idle. */
  readonly waitsForIdle: boolean;
}

const OUTPUTS: ReadonlySet<string> = new Set([
  'stream',
  'display_data',
  'update_display_data',
  'execute_result',
  'error',
  'clear_output',
  'execute_input',
]);
/** Milliseconds to wait for a missing `idle` after a reply: a kernel that was interrupted may forget it. */
const IDLE_GRACE_MS = 1000;

export class KernelClient {
  private readonly pending = new Map<string, Pending>();
  private readonly session = newId();

  constructor(private readonly kernel: MessagePort) {}

  /** Run a cell; resolves with the content of its `execute_reply` when all its outputs are there. */
  execute(code: string, handlers: CellHandlers = {}): Promise<Content> {
    const content = {
      code,
      silent: false,
      store_history: true,
      user_expressions: {},
      allow_stdin: handlers.onInput !== undefined,
      stop_on_error: false,
    };
    return this.request('execute_request', content, handlers, true);
  }

  /** Take a message of the kernel. */
  receive(message: JupyterMessage): void {
    const parent = this.pending.get(String(message.parent_header['msg_id'] ?? ''));
    if (!parent) {
      return; // Of another client, or of a cell that has ended.
    }
    const type = message.header.msg_type;
    if (type === 'input_request') {
      void this.ask(parent, message);
    } else if (OUTPUTS.has(type)) {
      parent.onOutput?.(message);
    } else if (type === 'status' && message.content['execution_state'] === 'idle') {
      parent.idle = true;
      this.settle(parent);
    } else if (type.endsWith('_reply')) {
      parent.reply = message.content;
      this.settle(parent);
      setTimeout(() => this.settle(parent, true), IDLE_GRACE_MS);
    }
  }

  /** Tell all that still wait that no answer will come. */
  fail(reason: Error): void {
    for (const pending of this.pending.values()) {
      pending.reject(reason);
    }
    this.pending.clear();
  }

  request(type: string, content: Content, handlers: CellHandlers = {}, waitsForIdle = false): Promise<Content> {
    const message = this.message(type, content, 'shell');
    const answered = new Promise<Content>((resolve, reject) => {
      this.pending.set(message.header.msg_id, { ...handlers, resolve, reject, reply: null, idle: false, waitsForIdle });
    });
    this.kernel.send(message);
    return answered;
  }

  private settle(pending: Pending, enough = !pending.waitsForIdle || pending.idle): void {
    if (pending.reply && enough) {
      for (const [id, other] of this.pending) {
        if (other === pending) {
          this.pending.delete(id);
        }
      }
      pending.resolve(pending.reply);
    }
  }

  private async ask(pending: Pending, request: JupyterMessage): Promise<void> {
    const { prompt, password } = request.content as { prompt?: string; password?: boolean };
    const value = (await pending.onInput?.(prompt ?? '', password ?? false)) ?? '';
    const reply = this.message('input_reply', { status: 'ok', value }, 'stdin');
    this.kernel.answerInput({ ...reply, parent_header: request.header });
  }

  private message(type: string, content: Content, channel: string): JupyterMessage {
    return {
      header: {
        msg_id: newId(),
        msg_type: type,
        session: this.session,
        username: '',
        version: '5.3',
        date: new Date().toISOString(),
      },
      parent_header: {},
      metadata: {},
      content,
      channel,
      buffers: [],
    };
  }
}
