/**
 * Entry of the site's service worker, dist/sw.js.
 *
 * Page files are kept when the page says that its kernel has started, after their check; what the pack's files are kept
 * by is the kernel's worker (io/kept.ts), after their check. So nothing unchecked is ever kept here, and a second visit
 * asks the server for manifests only. A new deployment has another build in its first line: it is installed beside the
 * old one, takes over at once when all of it is there, and drops what the old one kept.
 */
import { ANEW } from './io/browser';
import { CACHE } from './io/cache';
import { understood } from './isolate/headers';
import { CHANNEL, CLAIM, KEEP } from './service/channel';
import { driveSeconds, forward, type Channel } from './service/forward';
import { rightAnswer, whyWrong, type Wanted } from './service/pages';
import { outdatedCaches, pageCacheName, routeOf, type Route, type SiteInfo } from './service/routes';

interface Extendable {
  waitUntil(promise: Promise<unknown>): void;
}
interface FetchEvent extends Extendable {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}
const worker = globalThis as unknown as {
  readonly registration: { readonly scope: string; readonly active: object | null };
  readonly clients: { claim(): Promise<void> };
  readonly liteEnvSite?: SiteInfo;
  skipWaiting(): Promise<void>;
  addEventListener(type: 'install' | 'activate', listener: (event: Extendable) => void): void;
  addEventListener(type: 'message', listener: (event: MessageEvent & Extendable) => void): void;
  addEventListener(type: 'fetch', listener: (event: FetchEvent) => void): void;
};

const { scope } = worker.registration;
const site: SiteInfo = worker.liteEnvSite ?? { build: 'none', files: {}, runtime: '', drive: 'none' };
const pages = pageCacheName(scope, site.build);
const channel = new BroadcastChannel(CHANNEL) as unknown as Channel;

worker.addEventListener('install', event => event.waitUntil(install()));
worker.addEventListener('activate', event => event.waitUntil(activate()));
worker.addEventListener('message', event => {
  if (event.data === KEEP) {
    event.waitUntil(keepPages().catch(() => undefined)); // It is asked again at the next visit.
  } else if (event.data === CLAIM) {
    event.waitUntil(worker.clients.claim().then(() => event.ports[0]?.postMessage(CLAIM)));
  }
});
worker.addEventListener('fetch', event => {
  const { request } = event;
  const route = routeOf(request.method, request.url, scope, site);
  if (route.kind !== 'pass') {
    event.respondWith(answer(event, route));
  }
});

/**
 * Where one page file cannot be had, the deployment before stays in charge. The first one has none before it, and is
 * installed while a kernel starts, which may need it for its drive: it keeps the page's files later.
 */
async function install(): Promise<void> {
  if (worker.registration.active) {
    await keepPages().catch(async (error: unknown) => {
      await caches.delete(pages).catch(() => false);
      throw error;
    });
  }
  await worker.skipWaiting();
}

/** Keep what is not kept yet. */
async function keepPages(): Promise<void> {
  const cache = await caches.open(pages);
  const kept = new Set((await cache.keys()).map(({ url }) => url));
  const missing = Object.keys(site.files).filter(file => !kept.has(urlOf(file)));
  await Promise.all(missing.map(async file => cache.put(urlOf(file), await rightAnswer(wanted(file), ask))));
}

function urlOf(file: string): string {
  return new URL(file, scope).href;
}

function wanted(file: string): Wanted {
  return { url: urlOf(file), sha256: site.files[file] ?? null, names: site.runtime };
}

function ask(url: string, cache: RequestCache): Promise<Response> {
  return fetch(url, { cache, credentials: 'same-origin' });
}

async function activate(): Promise<void> {
  const old = outdatedCaches(await caches.keys(), scope, site.build);
  await Promise.all(old.map(name => caches.delete(name)));
  // Not waited for: Firefox asks every worker, one of a kernel that waits for an answer does not reply, and until this one
  // is active no request of the page is answered.
  void worker.clients.claim();
}

async function answer({ request }: FetchEvent, route: Exclude<Route, { kind: 'pass' }>): Promise<Response> {
  switch (route.kind) {
    case 'forward':
      return forward(request, channel, request.url.includes('/api/stdin/') ? null : driveSeconds);
    case 'page':
      return understood(await pageFile(request, route.file), navigator.userAgent);
    case 'hashed':
      return hashed(request);
    case 'manifest':
      return newest(request);
  }
}

async function pageFile(request: Request, file: string): Promise<Response> {
  return request.cache === 'reload' ? renewed(file) : ((await kept(pages, urlOf(file))) ?? fetch(request));
}

/** Asked for past every cache: the server's answer, which is what is kept from now on where it is right. */
async function renewed(file: string): Promise<Response> {
  const response = await ask(urlOf(file), 'reload');
  if ((await whyWrong(response, wanted(file))) === null) {
    const copy = response.clone();
    await caches
      .open(pages)
      .then(cache => cache.put(urlOf(file), copy))
      .catch(() => undefined); // Nothing more can be kept: what is asked for is there.
  }
  return response;
}

/** What the kernel's worker kept, unless it found that wrong: then no cache is asked, and what they have is replaced. */
async function hashed(request: Request): Promise<Response> {
  const url = new URL(request.url);
  if (request.cache !== 'reload' && !url.searchParams.has(ANEW)) {
    return (await kept(CACHE, request.url)) ?? fetch(request);
  }
  url.search = '';
  await caches
    .open(CACHE)
    .then(cache => cache.delete(url.href, { ignoreVary: true }))
    .catch(() => false);
  return fetch(url.href, { cache: 'reload', credentials: 'same-origin' });
}

/** From the network; what the kernel's worker kept where there is none. */
async function newest(request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch (error) {
    const response = await kept(CACHE, request.url);
    if (!response) {
      throw error;
    }
    return response;
  }
}

/** A cache that cannot be read is like an empty one: the network is asked. */
async function kept(name: string, url: string): Promise<Response | undefined> {
  try {
    return await (await caches.open(name)).match(url, { ignoreSearch: true, ignoreVary: true });
  } catch {
    return undefined;
  }
}
