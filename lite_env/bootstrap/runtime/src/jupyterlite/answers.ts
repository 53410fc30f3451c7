/** What is said in a kernel's name when it cannot: a request that nobody answers waits for ever. */
import type { Failure } from '../errors';
import { newMessage } from '../message';
import type { JupyterMessage } from '../protocol';

/** Whether a message is a request, which has a reply. */
export function isRequest({ header }: JupyterMessage): boolean {
  return header.msg_type.endsWith('_request');
}

export function isReply({ header }: JupyterMessage): boolean {
  return header.msg_type.endsWith('_reply');
}

/** A message on iopub about a request. */
export function about(request: JupyterMessage, type: string, content: Record<string, unknown>): JupyterMessage {
  return newMessage(request.header.session, type, content, 'iopub', request.header);
}

/** The failure in lines, for the notebook. */
export function linesOf(failure: Failure): string[] {
  const [first = '', ...rest] = summaryOf(failure);
  return [first, ...(failure.traceback ?? []), ...rest];
}

/** The same without its traceback. */
export function summaryOf({ name, message, file, hint }: Failure): string[] {
  const where = file !== null && !message.includes(file) ? [`file: ${file}`] : [];
  return [`${name}: ${message}`, ...where, ...(hint === null ? [] : [`what to do: ${hint}`])];
}

/**
 * All messages that answer a request to a kernel of this language that has failed. What a front end waits for when it
 * connects is answered well: it could show nothing else.
 */
export function answersTo(request: JupyterMessage, failure: Failure, language: string): JupyterMessage[] {
  const { msg_type: type, session } = request.header;
  const busy = about(request, 'status', { execution_state: 'busy' });
  const idle = about(request, 'status', { execution_state: 'idle' });
  if (!isRequest(request)) {
    return [busy, idle];
  }
  const error = { ename: failure.name, evalue: failure.message, traceback: linesOf(failure) };
  const reply = (content: Record<string, unknown>) =>
    newMessage(session, type.replace('_request', '_reply'), content, request.channel || 'shell', request.header);
  switch (type) {
    case 'kernel_info_request':
      return [busy, reply(infoOf(language)), idle];
    case 'execute_request':
      return [busy, about(request, 'error', error), reply({ status: 'error', ...error, execution_count: null }), idle];
    case 'shutdown_request':
      return [busy, reply({ status: 'ok', restart: request.content['restart'] === true }), idle];
    default:
      return [busy, reply({ status: 'error', ...error }), idle];
  }
}

/** Notebooks are saved with it. */
function infoOf(language: string): Record<string, unknown> {
  const endings: Readonly<Record<string, string>> = { python: '.py', lua: '.lua', R: '.r', javascript: '.js' };
  return {
    status: 'ok',
    protocol_version: '5.3',
    implementation: 'lite-env',
    implementation_version: '',
    language_info: {
      name: language,
      version: '',
      mimetype: `text/x-${language.toLowerCase()}`,
      file_extension: endings[language] ?? '.txt',
    },
    banner: '',
    help_links: [],
  };
}
