/** What the runtime says of a request in its kernel's name, and what it mends of what the kernel says. */
import { bytesOf } from '../bytes';
import { newId } from '../ids';
import { newMessage } from '../message';
import type { JupyterMessage } from '../protocol';

/** Speaks in the kernel's name: of its session where the kernel has said one, and of one of its own till then. */
export class Voice {
  private session = newId();

  /** Take note of what the kernel says itself. */
  heed({ header }: JupyterMessage): void {
    this.session = header.session || this.session;
  }

  /** A message that the request caused. */
  says(
    request: JupyterMessage,
    type: string,
    content: Record<string, unknown>,
    channel: 'iopub' | 'shell' = 'iopub'
  ): JupyterMessage {
    return newMessage(this.session, type, content, channel, request.header);
  }

  /** All that is said of a cell that the kernel never gets. */
  saysOfCell(cell: JupyterMessage, reply: Record<string, unknown>): JupyterMessage[] {
    const { ename, evalue, traceback } = reply;
    return [
      this.says(cell, 'status', { execution_state: 'busy' }),
      ...(reply['status'] === 'error' ? [this.says(cell, 'error', { ename, evalue, traceback })] : []),
      this.says(cell, 'execute_reply', reply, 'shell'),
      this.says(cell, 'status', { execution_state: 'idle' }),
    ];
  }
}

/** The reply of a cell that an interrupt ended and not the kernel. */
export function interrupted(evalue: string, execution_count: number): Record<string, unknown> {
  const ename = 'KeyboardInterrupt';
  return { status: 'error', ename, evalue, traceback: [`${ename}: ${evalue}`], execution_count };
}

/** A message whose buffers are bytes: kernels ask them for their `length`, which an ArrayBuffer and a DataView lack. */
export function withBytes(message: JupyterMessage): JupyterMessage {
  return { ...message, buffers: [...(message.buffers ?? [])].map(bytesOf) };
}

/**
 * A kernel's message with what the protocol promises to clients and kernels of 2022 left out: the status of a reply, a
 * traceback in lines, the metadata of completions.
 */
export function sound(message: JupyterMessage): JupyterMessage {
  const { header, content } = message;
  const missing: Record<string, unknown> = {};
  if (header.msg_type.endsWith('_reply') && content['status'] === undefined) {
    missing['status'] = 'ok';
  }
  if (header.msg_type === 'complete_reply' && content['metadata'] === undefined) {
    missing['metadata'] = {};
  }
  const { traceback } = content;
  const lines = typeof traceback === 'string' ? { traceback: traceback.split('\n') } : {};
  const mended = { ...missing, ...lines };
  return Object.keys(mended).length > 0 ? { ...message, content: { ...content, ...mended } } : message;
}
