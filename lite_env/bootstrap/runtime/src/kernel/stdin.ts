import { post, type SyncRequest } from '../drive/xhr';
import type { JupyterMessage, StdinSource } from '../protocol';

/**
 * The answer to `input()` without shared memory: a request that the service worker hands to the page, and that is
 * answered when the user has typed. What the page answers is the `input_reply`.
 */
export function askStdin(source: StdinSource, create: () => SyncRequest = () => new XMLHttpRequest()): JupyterMessage {
  const { url, browsingContextId } = source;
  const requestId = `${browsingContextId}-stdin-${performance.now()}`;
  const { status, text } = post(create(), url, {
    body: { data: {}, browsingContextId, requestId },
    headers: {},
    seconds: 0,
  });
  if (status >= 400) {
    throw new Error(`"${url}" answers status ${status}`);
  }
  return JSON.parse(text) as JupyterMessage;
}
