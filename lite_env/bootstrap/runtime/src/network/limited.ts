import type { Grant } from './grant';

interface Ways {
  fetch: typeof fetch;
  WebSocket?: unknown;
  EventSource?: unknown;
}

/**
 * Let what JavaScript offers beside our own way ask no more than is granted. It keeps honest programs to the grant; one
 * that looks for Node itself, which runs it, finds it.
 */
export function limitWays(scope: object, granted: Grant): void {
  const ways = scope as Ways;
  const ask = ways.fetch;
  ways.fetch = (input, init) => {
    const url = new URL(input instanceof Request ? input.url : String(input));
    return /^https?:$/.test(url.protocol) && !granted(url)
      ? Promise.reject(new TypeError(`${url.href}: the network is not granted to this kernel`))
      : ask(input, { ...init, redirect: init?.redirect === 'manual' ? 'manual' : 'error' }); // It may lead elsewhere.
  };
  delete ways.WebSocket;
  delete ways.EventSource;
}
