/**
 * Hands a kernel's blocking request to the page it belongs to, as JupyterLite's service worker does: over the
 * BroadcastChannel of channel.ts, where `browsingContextId` names the page and `requestId` the request.
 */
import { REQUEST_ID_HEADER, type DriveMethod } from '../drive/channel';
import { secondsOf } from '../drive/limits';

/** What a page answers; `status` is ours, for errors. */
export interface ForwardedAnswer {
  readonly browsingContextId: string;
  readonly requestId?: string;
  readonly response: unknown;
  readonly status?: number;
}

interface Asked {
  readonly browsingContextId: string;
  readonly requestId?: string;
  readonly data?: { readonly method?: DriveMethod };
  readonly [key: string]: unknown;
}

export interface Channel {
  postMessage(message: unknown): void;
  addEventListener(type: 'message', listener: (event: { data: ForwardedAnswer }) => void): void;
  removeEventListener(type: 'message', listener: (event: { data: ForwardedAnswer }) => void): void;
}

/** The limit of a drive's request, the same on every way; to be given to `forward`. */
export const driveSeconds = (asked: Pick<Asked, 'data'>): number => secondsOf(asked.data?.method);

/**
 * Forward one request and answer with what its page says. A page that does not answer within the limit is gone, or
 * begins no more; null waits without end, for people who type.
 */
export async function forward(
  request: Request,
  channel: Channel,
  limit: ((asked: Asked) => number) | null
): Promise<Response> {
  let asked: Asked;
  try {
    asked = (await request.json()) as Asked;
  } catch {
    return refusal(400, 'EINVAL', 'the request is not JSON');
  }
  return new Promise(resolve => {
    const answer = (response: Response) => {
      clearTimeout(timer);
      channel.removeEventListener('message', listen);
      resolve(response);
    };
    const listen = ({ data }: { data: ForwardedAnswer }) => {
      // Requests come back to whoever listens; only an answer has a response.
      const mine = data.browsingContextId === asked.browsingContextId && data.requestId === asked.requestId;
      if (mine && 'response' in data) {
        answer(told(data, asked.requestId));
      }
    };
    const timer =
      limit === null
        ? undefined
        : setTimeout(() => answer(refusal(504, 'EIO', 'the page does not answer')), limit(asked) * 1000);
    channel.addEventListener('message', listen);
    channel.postMessage({ ...asked, pathname: new URL(request.url).pathname });
  });
}

function told({ response, status }: ForwardedAnswer, requestId: string | undefined): Response {
  try {
    return json(response, status ?? 200, requestId);
  } catch (cause) {
    return refusal(500, 'EIO', `the page's answer is no JSON: ${String(cause)}`);
  }
}

function json(value: unknown, status: number, requestId?: string): Response {
  const headers = { 'content-type': 'application/json', ...(requestId && { [REQUEST_ID_HEADER]: requestId }) };
  return new Response(JSON.stringify(value), { status, headers });
}

function refusal(status: number, code: string, message: string): Response {
  return json({ error: { code, message } }, status);
}
