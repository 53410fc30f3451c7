/**
 * Entry of the site's service worker, dist/sw.js.
 *
 * Page files are kept at installation; what the pack's files are kept by is the kernel's worker (io/kept.ts), after
 * their check. So nothing unchecked is ever kept here, and a second visit asks the server for manifests only. A new
 * deployment has another build in its first line: it is installed beside the old one, takes over at once when all of
 * it is there, and drops what the old one kept.
 */
import { ANEW } from './io/browser';
import { CACHE } from './io/cache';
import { CHANNEL } from './service/channel';
import { driveSeconds, forward, type Channel } from './service/forward';
import { outdatedCaches, pageCacheName, routeOf, type Route, type SiteInfo } from './service/routes';

interface Extendable {
  waitUntil(promise: Promise<unknown>): void;
}
interface FetchEvent extends Extendable {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}
const worker = globalThis as unknown as {
  readonly registration: { readonly scope: string };
  readonly clients: { claim(): Promise<void> };
  readonly liteEnvSite?: SiteInfo;
  skipWaiting(): Promise<void>;
  addEventListener(type: 'install' | 'activate', listener: (event: Extendable) => void): void;
  addEventListener(type: 'fetch', listener: (event: FetchEvent) => void): void;
};

const { scope } = worker.registration;
const site: SiteInfo = worker.liteEnvSite ?? { build: 'none', files: [], drive: 'none' };
const pages = pageCacheName(scope, site.build);
const channel = new BroadcastChannel(CHANNEL) as unknown as Channel;

worker.addEventListener('install', event => event.waitUntil(install()));
worker.addEventListener('activate', event => event.waitUntil(activate()));
worker.addEventListener('fetch', event => {
  const { request } = event;
  const route = routeOf(request.method, request.url, scope, site);
  if (route.kind !== 'pass') {
    event.respondWith(answer(event, route));
  }
});

/** All or nothing: where one page file cannot be had, the deployment before stays in charge. */
async function install(): Promise<void> {
  try {
    const cache = await caches.open(pages);
    await Promise.all(site.files.map(file => keep(cache, new URL(file, scope).href, file === './')));
  } catch (error) {
    await caches.delete(pages).catch(() => false);
    throw error;
  }
  await worker.skipWaiting();
}

/** The page has just loaded these files: what the browser has of them is not asked for again. */
async function keep(cache: Cache, url: string, isPage: boolean): Promise<void> {
  const response = await fetch(url, { cache: isPage ? 'no-cache' : 'force-cache', credentials: 'same-origin' });
  if (!response.ok) {
    throw new Error(`${url} answered ${response.status}`);
  }
  await cache.put(url, response);
}

async function activate(): Promise<void> {
  const old = outdatedCaches(await caches.keys(), scope, site.build);
  await Promise.all(old.map(name => caches.delete(name)));
  await worker.clients.claim();
}

async function answer({ request }: FetchEvent, route: Exclude<Route, { kind: 'pass' }>): Promise<Response> {
  switch (route.kind) {
    case 'forward':
      return forward(request, channel, request.url.includes('/api/stdin/') ? null : driveSeconds);
    case 'page':
      return (await kept(pages, new URL(route.file, scope).href)) ?? fetch(request);
    case 'hashed':
      return hashed(request);
    case 'manifest':
      return newest(request);
  }
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
