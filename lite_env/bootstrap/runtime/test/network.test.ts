/** The way of a kernel's requests, with a real thread that blocks and a real server. This file is also that thread's program. */
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { INTERRUPT_BYTES, requestInterrupt } from '../src/kernel/interrupt';
import { END, FAILED, HEAD, INTERRUPTED, NOTHING, PIECE, isFetch, type FetchEnvelope, type NetworkRequest } from '../src/network/channel';
import { sendFromPage } from '../src/network/browser';
import { FetchDesk } from '../src/network/desk';
import { grantOf, type NetworkGrant } from '../src/network/grant';
import { KernelNetwork, throughHost } from '../src/network/kernel';
import { limitWays } from '../src/network/limited';
import { isMixed } from '../src/network/mixed';
import { sendFromNode } from '../src/network/node';

const LIMITED = { timeout: 20_000 };

/** What the blocked thread is to do, and what it tells. */
interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers?: readonly (readonly [string, string])[];
  readonly body?: string;
  /** Close after that many parts. */
  readonly closeAfter?: number;
}
interface Told {
  readonly states: readonly number[];
  readonly texts: readonly string[];
  readonly bytes: number;
}

if (isMainThread) {
  tests();
} else {
  const network = new KernelNetwork(throughHost(envelope => parentPort?.postMessage(envelope)));
  for (const asked of workerData as readonly Asked[]) {
    parentPort?.postMessage({ type: 'told', told: ask(network, asked) });
  }
}

function ask(network: KernelNetwork, { method, url, headers = [], body = '', closeAfter = Infinity }: Asked): Told {
  const id = network.open(method, url, JSON.stringify(headers), new TextEncoder().encode(body), 0);
  const states: number[] = [];
  const texts: string[] = [];
  let bytes = 0;
  for (let last = NOTHING; last !== END && last !== FAILED && states.length < closeAfter; ) {
    last = network.wait(id, 50);
    if (last !== NOTHING) {
      const part = network.take(id);
      bytes += last === PIECE ? part.length : 0;
      states.push(last);
      texts.push(new TextDecoder().decode(part.subarray(0, 1000)));
    }
  }
  network.close(id);
  return { states, texts, bytes };
}

/** Let a blocked thread ask, one after the other. */
function blocked(asked: readonly Asked[], network: NetworkGrant = 'all'): Promise<Told[]> {
  const desk = new FetchDesk(sendFromNode(grantOf(network)));
  const worker = new Worker(new URL(import.meta.url), { workerData: asked });
  const told: Told[] = [];
  return new Promise((resolve, reject) => {
    worker.on('message', (message: FetchEnvelope | { type: 'told'; told: Told }) => {
      if (isFetch(message)) {
        desk.take(message);
      } else {
        told.push(message.told);
      }
    });
    worker.on('error', reject);
    worker.on('exit', () => resolve(told));
  });
}

type Handle = (request: IncomingMessage, response: ServerResponse) => void;

async function served(t: TestContext, handle: Handle): Promise<string> {
  const server = createServer(handle);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function tests(): void {
  test('a blocked thread gets head, body and end', LIMITED, async t => {
    const url = await served(t, (request, response) => {
      const sent: Buffer[] = [];
      request.on('data', (piece: Buffer) => sent.push(piece));
      request.on('end', () => {
        const seen = `${request.method} ${request.headers['x-own']} ${request.headers['user-agent']} ${Buffer.concat(sent)}`;
        response.writeHead(201, 'Made', { 'X-Twice': ['a', 'b'] }).end(seen);
      });
    });
    const headers = [['X-Own', 'own'], ['User-Agent', 'me'], ['Connection', 'close']] as const;
    const [told] = await blocked([{ method: 'POST', url: `${url}/a`, headers, body: 'sent' }]);
    assert.deepEqual(told?.states, [HEAD, PIECE, END]);
    const head = JSON.parse(told.texts[0] ?? '');
    assert.deepEqual([head.status, head.reason, head.redirected, head.decoded], [201, 'Made', false, false]);
    assert.deepEqual(
      head.headers.filter(([name]: [string]) => name === 'X-Twice').map(([, value]: [string, string]) => value),
      ['a', 'b']
    );
    assert.equal(told.texts[1], 'POST own me sent');
  });

  test('a long body comes whole, in pieces that fit, and the next request has its own', LIMITED, async t => {
    const long = Buffer.alloc(3_000_000, 'x');
    const url = await served(t, ({ url }, response) => response.end(url === '/long' ? long : 'short'));
    const [first, second] = await blocked([
      { method: 'GET', url: `${url}/long` },
      { method: 'GET', url: `${url}/short` },
    ]);
    assert.equal(first?.bytes, 3_000_000);
    assert.equal(second?.texts[1], 'short');
  });

  test('redirects and compressed bodies come as they are', LIMITED, async t => {
    const url = await served(t, (_, response) =>
      response.writeHead(307, { Location: '/there', 'Content-Encoding': 'gzip' }).end('packed')
    );
    const [told] = await blocked([{ method: 'POST', url, body: 'a' }]);
    assert.deepEqual([JSON.parse(told?.texts[0] ?? '').status, told?.texts[1]], [307, 'packed']);
  });

  test('who closes early lets the server go, and can ask again', LIMITED, async t => {
    let gone: () => void = () => undefined;
    const wasClosed = new Promise<void>(resolve => (gone = resolve));
    const url = await served(t, (request, response) => {
      if (request.url === '/endless') {
        response.on('close', () => gone());
        const more = () => !response.destroyed && response.write(Buffer.alloc(1 << 16), () => setTimeout(more, 1));
        more();
      } else {
        response.end('next');
      }
    });
    const [, second] = await blocked([
      { method: 'GET', url: `${url}/endless`, closeAfter: 3 },
      { method: 'GET', url },
    ]);
    await wasClosed;
    assert.equal(second?.texts[1], 'next');
  });

  test('an answer that breaks off fails after what has come of it', LIMITED, async t => {
    const url = await served(t, (_, response) => {
      response.writeHead(200, { 'Content-Length': 1000 }).write('begun');
      setTimeout(() => response.destroy(), 50);
    });
    const [told] = await blocked([{ method: 'GET', url }]);
    assert.deepEqual(told?.states, [HEAD, PIECE, FAILED]);
    assert.equal(JSON.parse(told.texts[2] ?? '').kind, 'broken');
  });

  test('a port where nobody listens, and what is no address', LIMITED, async t => {
    const url = await served(t, () => undefined);
    const unused = await new Promise<number>(resolve => {
      const server = createServer().listen(0, '127.0.0.1', () => {
        const { port } = server.address() as AddressInfo;
        server.close(() => resolve(port));
      });
    });
    const asked = [`http://127.0.0.1:${unused}/`, 'nowhere', 'ftp://127.0.0.1/'].map(url => ({ method: 'GET', url }));
    const told = await blocked([...asked, { method: 'G T', url }]);
    assert.deepEqual(told.map(({ texts }) => JSON.parse(texts[0] ?? '').kind), ['unreachable', 'address', 'address', 'address']);
  });

  test('a server that speaks no TLS is not one without a certificate', LIMITED, async t => {
    const url = await served(t, (_, response) => response.end());
    const [told] = await blocked([{ method: 'GET', url: url.replace('http:', 'https:') }]);
    assert.equal(JSON.parse(told?.texts[0] ?? '').kind, 'handshake');
  });

  test('only servers that are granted are asked', LIMITED, async t => {
    let asked = 0;
    const url = await served(t, (_, response) => response.end(`${(asked += 1)}`));
    const kinds = async (network: NetworkGrant) => {
      const [told] = await blocked([{ method: 'GET', url }], network);
      return told?.states[0] === HEAD ? 'answered' : JSON.parse(told?.texts[0] ?? '').kind;
    };
    assert.equal(await kinds([]), 'not-granted');
    assert.equal(await kinds(['example.org', '127.0.0.1:1']), 'not-granted');
    assert.equal(asked, 0);
    assert.equal(await kinds(['127.0.0.1']), 'answered');
    assert.equal(await kinds([new URL(url).host]), 'answered');
    assert.equal(asked, 2);
  });

  test('hosts are granted with their port or with every one, in any case of letters', () => {
    const granted = grantOf(['Example.org', 'other.org:443', '[::1]:8000']);
    const asked = ['http://example.org:81/', 'https://other.org/', 'http://other.org/', 'http://[::1]:8000/', 'http://[::1]/', 'http://sub.example.org/'];
    assert.deepEqual(asked.map(url => granted(new URL(url))), [true, true, false, true, false, false]);
  });

  test("JavaScript's own ways are held to the grant, and redirects do not lead out of it", async t => {
    const url = await served(t, ({ url }, response) => {
      if (url === '/away') {
        response.writeHead(302, { Location: '/' });
      }
      response.end('here');
    });
    const scope = { fetch, WebSocket: Object, EventSource: Object };
    limitWays(scope, grantOf([new URL(url).host]));
    assert.equal(await scope.fetch(url).then(answer => answer.text()), 'here');
    await assert.rejects(scope.fetch(`${url}/away`), TypeError);
    await assert.rejects(scope.fetch('http://127.0.0.1:1/'), /is not granted to this kernel/);
    assert.equal(await scope.fetch('data:text/plain,own').then(answer => answer.text()), 'own');
    assert.deepEqual(Object.keys(scope), ['fetch']);
  });

  test('a wait ends at once where an interrupt has come', () => {
    const network = new KernelNetwork(throughHost(() => undefined));
    const memory = new SharedArrayBuffer(INTERRUPT_BYTES);
    network.listen(memory);
    const id = network.open('GET', 'http://silent/', '[]', undefined, 0);
    assert.equal(network.wait(id, 1), NOTHING);
    requestInterrupt(memory, 1);
    const began = performance.now();
    assert.equal(network.wait(id, 10_000), INTERRUPTED);
    network.nap(10_000);
    assert.ok(performance.now() - began < 5000);
    assert.equal(network.interrupted(), true);
  });

  test('a page of https may ask this machine by http, and nobody else', t => {
    const page = (href: string) => Object.assign(globalThis, { location: new URL(href) });
    t.after(() => Reflect.deleteProperty(globalThis, 'location'));
    page('https://site.org/a');
    const asked = ['http://a.org/', 'http://10.0.0.1/', 'http://127.0.0.1.org/', 'http://localhost:1/', 'http://127.0.0.1/', 'http://[::1]/', 'https://a.org/'];
    assert.deepEqual(asked.map(isMixed), [true, true, true, false, false, false, false]);
    page('http://site.org/a');
    assert.equal(isMixed('http://a.org/'), false);
  });

  type Known = Partial<NetworkRequest> & { readonly policy?: string };
  const CHROMIUM = { onLine: true, userAgent: 'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0 Safari/537.36' };
  const FIREFOX = { onLine: true, userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0' };
  class Silent {
    constructor(protected readonly told: (reports: object[]) => void) {}
    observe(): void {}
    disconnect(): void {}
  }
  class Reporting extends Silent {
    override observe(): void {
      const report = (blockedURL: string) => ({ type: 'coep', body: { toJSON: () => ({ blockedURL }) } });
      setTimeout(() => this.told([report('https://b.org/x'), { type: 'coep', body: null }]), 1);
      setTimeout(() => this.told([report('https://a.org/x')]), 10);
    }
  }
  for (const [what, error, known, kind] of [
    ['a server that answers whom it likes', null, {}, 'cors'],
    ['a server that is not there', 'none', {}, 'unreachable'],
    ['a page that is isolated by require-corp', 'none', { crossOriginIsolated: true }, 'cors-or-unreachable'],
    ['an answer that isolation keeps from the page', 'none', { crossOriginIsolated: true, ReportingObserver: Reporting, navigator: CHROMIUM }, 'cors'],
    ['isolation that keeps nothing from the page', 'none', { crossOriginIsolated: true, ReportingObserver: Silent, navigator: CHROMIUM }, 'unreachable'],
    ['isolation in a browser that reports nothing', 'none', { crossOriginIsolated: true, ReportingObserver: Silent, navigator: FIREFOX }, 'cors-or-unreachable'],
    ['a page that lets others in', 'none', { crossOriginIsolated: true, policy: 'credentialless' }, 'unreachable'],
    ['a device without network', 'none', { navigator: { onLine: false } }, 'offline'],
    ['another method', null, { method: 'DELETE' }, 'cors-or-unreachable'],
    ['a body where browsers send none', null, { body: new Uint8Array(1) }, 'body'],
    ['no address', null, { url: 'nowhere' }, 'address'],
    ['its own server', 'none', { url: 'https://site.org/x' }, 'unreachable'],
  ] as const) {
    test(`why a page got no answer: ${what}`, async t => {
      const asked: string[] = [];
      const refuse = () => Promise.reject(new TypeError('Failed to fetch'));
      const answer = (url: string, { mode, method }: RequestInit) => {
        asked.push(`${mode ?? method} ${url}`);
        const isProbe = mode === 'no-cors' && error === null;
        const own = new Response('', policy ? { headers: { 'Cross-Origin-Embedder-Policy': policy } } : {});
        return isProbe || url === 'https://site.org/a' ? Promise.resolve(own) : refuse();
      };
      const { method = 'GET', url = 'https://a.org/x', body = null, policy, ...globals } = { ...known } as Known;
      const request: NetworkRequest = { method, url, body, headers: [], limit: 0 };
      const page = { location: new URL('https://site.org/a'), crossOriginIsolated: false, navigator: { onLine: true }, document: new EventTarget() };
      for (const [name, value] of Object.entries({ ...page, fetch: answer, ...globals })) {
        const before = Object.getOwnPropertyDescriptor(globalThis, name);
        Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
        t.after(() => (before ? Object.defineProperty(globalThis, name, before) : Reflect.deleteProperty(globalThis, name)));
      }
      await assert.rejects(sendFromPage()(request, new AbortController().signal), { name: 'NetworkFailure', kind });
      assert.equal(asked[0], `${method} ${url}`);
    });
  }

  test('while an answer is read, the same address is asked past the cache', async t => {
    const modes: (string | undefined)[] = [];
    const answer = (_: string, { cache }: RequestInit) => {
      modes.push(cache);
      const response = new Response('text');
      Object.defineProperty(response, 'url', { value: 'https://site.org/x' });
      return Promise.resolve(response);
    };
    const page = { location: new URL('https://site.org/a'), document: new EventTarget(), fetch: answer };
    for (const [name, value] of Object.entries(page)) {
      const before = Object.getOwnPropertyDescriptor(globalThis, name);
      Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
      t.after(() => (before ? Object.defineProperty(globalThis, name, before) : Reflect.deleteProperty(globalThis, name)));
    }
    const send = sendFromPage();
    const ask = (url: string, signal = new AbortController().signal) => send({ method: 'GET', url, body: null, headers: [], limit: 0 }, signal);
    const first = await ask('https://site.org/x');
    const second = new AbortController();
    await ask('https://site.org/x', second.signal);
    await ask('https://site.org/y');
    for (let next = await first.body.next(); !next.done; next = await first.body.next());
    second.abort();
    await ask('https://site.org/x');
    assert.deepEqual(modes, ['default', 'no-store', 'default', 'default']);
  });

  test('of what has ended nothing is kept', () => {
    const posted: FetchEnvelope[] = [];
    const network = new KernelNetwork(throughHost(envelope => posted.push(envelope)));
    for (const last of [END, FAILED]) {
      const id = network.open('GET', 'http://there/', '[]', undefined, 0);
      const sent = posted.at(-1);
      assert.ok(sent?.type === 'fetch');
      Atomics.store(new Int32Array(sent.buffer, 0, 2), 0, last);
      assert.equal(network.wait(id, 50), last);
      network.take(id);
      assert.equal(JSON.parse(new TextDecoder().decode(network.take(id))).kind, 'lost');
    }
  });

  test('a number that was never given, or is closed, is a failure and nothing that is thrown', () => {
    const network = new KernelNetwork(throughHost(() => undefined));
    assert.equal(network.wait(7, 0), FAILED);
    assert.equal(JSON.parse(new TextDecoder().decode(network.take(7))).kind, 'lost');
  });

  test('the Python half is there, and none of its text is empty', () => {
    const network = new KernelNetwork(throughHost(() => undefined));
    for (const name of ['start', 'sockets', 'exchange', 'wire', 'errors', 'tls', 'https', 'loop', 'clients']) {
      assert.match(network.source(name), /^"""/);
    }
    assert.equal(network.source('unknown'), '');
  });
}
