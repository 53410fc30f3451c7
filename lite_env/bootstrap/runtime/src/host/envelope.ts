/** Envelopes as JSON text, for hosts in other processes: buffers of a message and contents of a file become base64. */
import { fromBase64, toBase64 } from '../base64';
import { bytesOf } from '../bytes';
import type { FromWorker, JupyterMessage, ToWorker } from '../protocol';

export type HostCommand = ToWorker | { readonly type: 'interrupt' } | { readonly type: 'close' }
  /** End the kernel and let the next start have a snapshot, where it can have one and has none; answered by a `snapshot`. */
  | { readonly type: 'snapshot' };

export function encodeEnvelope(envelope: FromWorker): string {
  if (envelope.type === 'read') {
    return JSON.stringify({ ...envelope, data: envelope.data && toBase64(envelope.data) });
  }
  if (envelope.type !== 'message') {
    return JSON.stringify(envelope);
  }
  const buffers = [...(envelope.message.buffers ?? [])].map(buffer => toBase64(bytesOf(buffer)));
  return JSON.stringify({ ...envelope, message: { ...envelope.message, buffers } });
}

export function decodeCommand(text: string): HostCommand {
  const command = JSON.parse(text) as HostCommand;
  if (command.type !== 'message') {
    return command;
  }
  const buffers = ((command.message.buffers ?? []) as unknown as string[]).map(text => fromBase64(text).buffer);
  return { type: 'message', message: { ...command.message, buffers } as JupyterMessage };
}
