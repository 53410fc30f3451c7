import type { JupyterMessage } from '../../protocol';

type Content = Record<string, unknown>;

/**
 * A message as the protocol has it. xeus before 2024 says `pwd` for `password`, xeus-lua gives a traceback as one text,
 * xeus-python of 2023 names an error by the representation of its class.
 */
export function asProtocol(message: JupyterMessage): JupyterMessage {
  const { content } = message;
  const { msg_type } = message.header;
  if (msg_type === 'input_request') {
    return 'pwd' in content ? { ...message, content: passwordOf(content) } : message;
  }
  const isError = typeof content?.['ename'] === 'string' && (msg_type === 'error' || msg_type.endsWith('_reply'));
  return isError ? { ...message, content: errorOf(content) } : message;
}

function passwordOf({ pwd, ...content }: Content): Content {
  return { ...content, password: content['password'] ?? pwd };
}

function errorOf(content: Content): Content {
  const { ename, traceback } = content;
  return {
    ...content,
    ename: /^<class '(?:[^']*\.)?([^'.]+)'>$/.exec(String(ename))?.[1] ?? ename,
    traceback: typeof traceback === 'string' ? [traceback] : traceback,
  };
}
