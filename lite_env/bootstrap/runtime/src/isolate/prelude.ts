/**
 * Entry of what stands in front of JupyterLite's service worker on a site that is to be cross-origin isolated and whose
 * host sets no headers: its handlers do what they did, and answers to documents and workers get the headers.
 */
import { embedderPolicy, isAsking, isLeftOver, isolated, PROBE, PROBE_ANSWER } from './headers';

interface FetchEvent {
  readonly request: Request;
  readonly clientId: string;
  readonly resultingClientId: string;
  waitUntil(promise: Promise<unknown>): void;
  respondWith(response: Response | Promise<Response>): void;
}
type Listener = (event: FetchEvent) => unknown;

const worker = globalThis as unknown as {
  readonly registration: { readonly scope: string };
  addEventListener(type: string, listener: Listener, options?: unknown): void;
};
const add = worker.addEventListener.bind(worker);
const theirs: Listener[] = [];
const policy = embedderPolicy(navigator.userAgent);

worker.addEventListener = (type, listener, options) => {
  if (type === 'fetch') {
    theirs.push(listener);
  } else {
    add(type, listener, options);
  }
};

add('fetch', event => {
  const { request } = event;
  if (request.url === new URL(PROBE, worker.registration.scope).href) {
    event.respondWith(new Response(PROBE_ANSWER));
    return;
  }
  const withHeaders = async (response: Response | Promise<Response>) => isolated(await response, policy);
  let isAnswered = false;
  // An event's own methods want the event itself, so it gets no prototype but its values.
  const view: FetchEvent = {
    request,
    clientId: event.clientId,
    resultingClientId: event.resultingClientId,
    waitUntil: promise => event.waitUntil(promise),
    respondWith: response => {
      isAnswered = true;
      event.respondWith(isAsking(request) ? withHeaders(response) : response);
    },
  };
  for (const listener of theirs) {
    listener(view);
  }
  if (!isAnswered && isLeftOver(request, location.origin)) {
    event.respondWith(withHeaders(fetch(request)));
  }
});
