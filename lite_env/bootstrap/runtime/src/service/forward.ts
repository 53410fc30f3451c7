/**
 * Hands a kernel's blocking request to the page it belongs to, as JupyterLite's service worker does: over the
 * BroadcastChannel of channel.ts, where `browsingContextId` names the page and `requestId` the request.
 */

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
  readonly [key: string]: unknown;
}

export interface Channel {
  postMessage(message: unknown): void;
  addEventListener(type: 'message', listener: (event: { data: ForwardedAnswer }) => void): void;
  removeEventListener(type: 'message', listener: (event: { data: ForwardedAnswer }) => void): void;
}

/**
 * Forward one request and answer with what its page says. A page that does not answer within `seconds` is gone; null
 * waits without end, for people who type.
 */
export async function forward(request: Request, channel: Channel, seconds: number | null): Promise<Response> {
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
        answer(json(data.response, data.status ?? 200));
      }
    };
    const timer =
      seconds === null
        ? undefined
        : setTimeout(() => answer(refusal(504, 'EIO', 'the page does not answer')), seconds * 1000);
    channel.addEventListener('message', listen);
    channel.postMessage({ ...asked, pathname: new URL(request.url).pathname });
  });
}

function json(value: unknown, status: number): Response {
  return new Response(JSON.stringify(value), { status, headers: { 'content-type': 'application/json' } });
}

function refusal(status: number, code: string, message: string): Response {
  return json({ error: { code, message } }, status);
}
