import { questionOf } from '../kernel/input';
import type { FromWorker, JupyterMessage } from '../protocol';

/**
 * The question that a kernel's program waits with, as its host sees it: a kernel asks one at a time. An answer is for
 * the question that it names, or else for the one that is open; it must not become the answer to the next.
 */
export class OpenQuestion {
  private request: JupyterMessage | null = null;

  /** Take note of what the kernel says: it asks, or the cell that asked is over. */
  note(envelope: FromWorker): void {
    if (envelope.type !== 'message') {
      return;
    }
    const { message } = envelope;
    if (message.header.msg_type === 'input_request') {
      this.request = message;
    } else if (message.content?.['execution_state'] === 'idle' && this.isOfCell(message.parent_header['msg_id'])) {
      this.close();
    }
  }

  /** Nobody waits any more: the program was interrupted. */
  close(): void {
    this.request = null;
  }

  /** The reply as the answer to the open question, which it closes; null when it belongs to none that is open. */
  claim(reply: JupyterMessage): JupyterMessage | null {
    const { request } = this;
    const named = questionOf(reply);
    if (!request || (named !== '' && named !== request.header.msg_id)) {
      return null;
    }
    this.close();
    return named === '' ? { ...reply, parent_header: { ...request.header } } : reply;
  }

  private isOfCell(id: unknown): boolean {
    return this.request?.parent_header['msg_id'] === id;
  }
}
