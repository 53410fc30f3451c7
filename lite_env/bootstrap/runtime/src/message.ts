import { newId } from './ids';
import type { JupyterMessage } from './protocol';

/** A Jupyter message as of now, of somebody's session. */
export function newMessage(
  session: string,
  type: string,
  content: Record<string, unknown>,
  channel: string,
  parent: JupyterMessage['parent_header'] = {}
): JupyterMessage {
  const date = new Date().toISOString();
  return {
    header: { msg_id: newId(), msg_type: type, session, username: '', version: '5.3', date },
    parent_header: parent,
    metadata: {},
    content,
    channel,
    buffers: [],
  };
}
