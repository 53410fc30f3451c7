/** What the service worker answers for a pack's files: of a request's way to them nothing but its effects is seen here. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { before, beforeEach, test } from 'node:test';
import { CACHE } from '../src/io/cache';
import { CLAIM, KEEP } from '../src/service/channel';

const SCOPE = 'https://site.example/demo/';
const FILE = `${SCOPE}packs/demo/archives/${'ab'.repeat(32)}.tar.zst`;
const MANIFEST = `${SCOPE}packs/demo/manifest.json`;
const PAGE = 'let page;';
const PAGE_FILE = `${SCOPE}runtime/r/page.js`;

interface Asked {
  readonly url: string;
  readonly cache: string | undefined;
}

const listeners = new Map<string, (event: any) => void>();
const kept = new Map<string, string>();
/** The page's files that are kept, and the service worker that is in charge. */
const pages = new Map<string, Response>();
let active: object | null = null;
let claims = 0;
let asked: Asked[] = [];
let network: Response | Error = new Error('no network');

const withoutSearch = (url: string) => url.split('?', 1)[0] ?? '';
/** The browser's cache, as far as it is asked here. */
const cache = {
  match: async (url: string, { ignoreSearch }: { ignoreSearch?: boolean } = {}) => {
    const text = kept.get(ignoreSearch ? withoutSearch(url) : url);
    return text === undefined ? undefined : new Response(text);
  },
  delete: async (url: string) => kept.delete(url),
};

const pageCache = {
  match: async (url: string) => pages.get(url)?.clone(),
  put: async (url: string, response: Response) => void pages.set(url, response),
  keys: async () => [...pages.keys()].map(url => ({ url })),
};

before(async () => {
  const define = (name: string, value: unknown) =>
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  define('registration', {
    scope: SCOPE,
    get active() {
      return active;
    },
  });
  const sha256 = createHash('sha256').update(PAGE).digest('hex');
  define('liteEnvSite', { build: 'b1', files: { 'runtime/r/page.js': sha256 }, runtime: 'runtime/r/', drive: 'none' });
  define('skipWaiting', async () => undefined);
  define('clients', { claim: async () => void (claims += 1) });
  define('BroadcastChannel', class {});
  define('addEventListener', (type: string, listener: (event: unknown) => void) => listeners.set(type, listener));
  define('caches', {
    open: async (name: string) => (name === CACHE ? cache : pageCache),
    delete: async () => pages.clear(),
  });
  define('fetch', async (what: Request | string, options: RequestInit = {}) => {
    const url = typeof what === 'string' ? what : what.url;
    asked.push({ url, cache: typeof what === 'string' ? options.cache : what.cache });
    if (network instanceof Error) {
      throw network;
    }
    return network;
  });
  await import('../src/service-worker');
});

beforeEach(() => {
  kept.clear();
  pages.clear();
  active = null;
  asked = [];
  network = new Response('of the network');
});

/** What a page or worker is answered. */
async function answer(url: string, cache: RequestCache = 'default'): Promise<string> {
  let response: Promise<Response> | undefined;
  const request = { url, method: 'GET', cache };
  listeners.get('fetch')?.({ request, respondWith: (given: Promise<Response>) => (response = given) });
  assert.ok(response, 'it is let pass');
  return (await response).text();
}

test('what is kept is answered, at its address and at that of a blocking read beside another request', async () => {
  kept.set(FILE, 'kept');
  assert.equal(await answer(FILE), 'kept');
  assert.equal(await answer(`${FILE}?lite-env-apart=x`), 'kept');
  assert.deepEqual(asked, []);
});

test('what is not kept is asked for at the address that was asked, and nothing is kept here', async () => {
  assert.equal(await answer(`${FILE}?lite-env-apart=x`), 'of the network');
  assert.deepEqual(asked, [{ url: `${FILE}?lite-env-apart=x`, cache: 'default' }]);
  assert.deepEqual([...kept], []);
});

for (const [how, url, mode] of [
  ['while the worker blocks', `${FILE}?lite-env-anew=x`, 'default'],
  ['with cache: reload', FILE, 'reload'],
] as const) {
  test(`what was wrong is forgotten and had past every cache: ${how}`, async () => {
    kept.set(FILE, 'wrong');
    assert.equal(await answer(url, mode), 'of the network');
    // At its own address, so that what the HTTP cache has of it is replaced.
    assert.deepEqual(asked, [{ url: FILE, cache: 'reload' }]);
    assert.deepEqual([...kept], []);
  });
}

test('a manifest comes from the network, and from what is kept where there is none', async () => {
  kept.set(MANIFEST, 'kept');
  assert.equal(await answer(MANIFEST), 'of the network');
  network = new TypeError('Failed to fetch');
  assert.equal(await answer(MANIFEST), 'kept');
  kept.clear();
  await assert.rejects(answer(MANIFEST), TypeError);
});

/** Let the service worker take an event, to its end. */
async function happens(type: string, data?: unknown, ports: readonly MessagePort[] = []): Promise<void> {
  let until: Promise<void> | undefined;
  listeners.get(type)?.({ data, ports, waitUntil: (promise: Promise<void>) => (until = promise) });
  await until;
}

const script = (text: string) => new Response(text, { headers: { 'content-type': 'text/javascript' } });

test('the first one asks for nothing while the kernel starts, and keeps the page once it is told to', async () => {
  network = script(PAGE);
  await happens('install');
  assert.deepEqual(asked, []);
  await happens('message', 'of somebody else');
  assert.deepEqual(asked, []);
  await happens('message', KEEP);
  assert.deepEqual(asked, [{ url: PAGE_FILE, cache: 'force-cache' }]);
  assert.equal(await answer(PAGE_FILE), PAGE);
  await happens('message', KEEP);
  assert.equal(asked.length, 1); // What is kept is not asked for again.
});

test('what is wrong is not kept, and a page that is told nothing of it goes on', async () => {
  network = script('another deployment');
  await happens('message', KEEP);
  assert.equal(asked.length, 2); // Once more past every cache.
  assert.deepEqual([...pages], []);
});

test('a new deployment takes over when all of it is there, and not before', async () => {
  active = {};
  network = script('half of it');
  await assert.rejects(happens('install'), /SHA-256/);
  assert.deepEqual([...pages], []);
  network = script(PAGE);
  await happens('install');
  assert.deepEqual([...pages.keys()], [PAGE_FILE]);
});

test('a page is told when its worker is taken charge of', async () => {
  const { port1, port2 } = new MessageChannel();
  const told = new Promise(resolve => (port1.onmessage = event => resolve([event.data, claims])));
  claims = 0;
  await happens('message', CLAIM, [port2]);
  assert.deepEqual(await told, [CLAIM, 1]);
  port1.close();
});
