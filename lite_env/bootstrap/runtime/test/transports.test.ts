import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, test } from 'node:test';
import { ANEW, BrowserTransport, resolvePath } from '../src/io/browser';
import { NodeTransport } from '../src/io/node';
import { failure, text, utf8 } from './support/pack';

const BASE = 'https://site.example/packs/env/';
const HTML = { 'content-type': 'text/html; charset=utf-8' };

/** What the stubbed server does with a request. */
type Answer = Response | Error;

describe('BrowserTransport', () => {
  let requests: { url: string; cache: string | undefined }[] = [];
  let limits: number[] = [];
  let answer: Answer = new Response('');

  const define = (name: string, value: unknown) =>
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });

  beforeEach(() => {
    requests = [];
    limits = [];
    define('navigator', { onLine: true });
    define('fetch', async (url: string, options: RequestInit) => {
      requests.push({ url, cache: options.cache });
      if (answer instanceof Error) {
        throw answer;
      }
      return answer;
    });
    define(
      'XMLHttpRequest',
      stubXhr(
        () => answer,
        (url, timeout) => {
          requests.push({ url, cache: undefined });
          limits.push(timeout);
        }
      )
    );
  });

  /** Asks both ways, which must agree. */
  async function refuses(reply: () => Answer, name: string, message: RegExp): Promise<void> {
    const transport = new BrowserTransport(BASE);
    answer = reply();
    await assert.rejects(transport.read('archives/a.tar.zst'), failure(name, message, 'archives/a.tar.zst'));
    answer = reply();
    assert.throws(() => transport.readSync('archives/a.tar.zst'), failure(name, message, 'archives/a.tar.zst'));
    assert.deepEqual(
      requests.map(({ url }) => url),
      [`${BASE}archives/a.tar.zst`, `${BASE}archives/a.tar.zst`]
    );
  }

  test('bytes come with their progress', async () => {
    const chunks = ['first ', 'second'];
    answer = new Response(
      new ReadableStream({
        pull: controller => {
          const chunk = chunks.shift();
          chunk ? controller.enqueue(utf8(chunk)) : controller.close();
        },
      })
    );
    const progress: number[] = [];
    const data = await new BrowserTransport(BASE).read('archives/a.tar.zst', loaded => progress.push(loaded));
    assert.equal(text(data), 'first second');
    assert.deepEqual(progress, [6, 12]);
  });

  test('an answer without a body stream is read whole', async () => {
    answer = {
      status: 200,
      headers: new Headers(),
      body: null,
      arrayBuffer: async () => utf8('x').buffer,
    } as unknown as Response;
    assert.equal(text(await new BrowserTransport(BASE).read('a')), 'x');
  });

  /** A server that sends some bytes and then nothing more, until it is hung up on; how often it was asked. */
  const stalling = (chunks: string[], sound = Infinity) => {
    let asked = 0;
    define('fetch', async (_: string, { signal }: RequestInit) => {
      asked += 1;
      const body = new ReadableStream<Uint8Array>({
        async start(controller) {
          signal?.addEventListener('abort', () => controller.error(signal.reason));
          for (const chunk of chunks) {
            await new Promise(resolve => setTimeout(resolve, 30));
            controller.enqueue(utf8(chunk));
          }
          if (asked > sound) {
            controller.close();
          }
        },
      });
      return new Response(body);
    });
    return () => asked;
  };

  test('a server that stops sending is asked once more, and then told of', async () => {
    const asked = stalling(['some']);
    const message = /^"archives\/a\.tar\.zst" stopped coming: the server sent nothing for 0\.06 seconds/;
    const read = new BrowserTransport(BASE, 60).read('archives/a.tar.zst');
    await assert.rejects(read, failure('NetworkFailed', message, 'archives/a.tar.zst'));
    assert.equal(asked(), 2);
  });

  test('bytes that come slowly, but come, are waited for; a second attempt may succeed', async () => {
    const asked = stalling(['a', 'b', 'c', 'd'], 1);
    assert.equal(text(await new BrowserTransport(BASE, 80).read('a')), 'abcd');
    assert.equal(asked(), 2);
  });

  test('who ends a request does not have it made again', async () => {
    const asked = stalling(['a']);
    const abort = new AbortController();
    const read = new BrowserTransport(BASE, 5000).read('a', () => abort.abort(), { signal: abort.signal });
    await assert.rejects(read);
    assert.equal(asked(), 1);
  });

  test('a blocking read gives the same bytes', () => {
    answer = new Response('bytes');
    Object.assign(answer, { stored: utf8('bytes') });
    assert.equal(text(new BrowserTransport(BASE).readSync('a')), 'bytes');
  });

  test('only the manifest is asked for anew', async () => {
    answer = new Response('');
    await new BrowserTransport(BASE).read('manifest.json');
    answer = new Response('');
    await new BrowserTransport(BASE).read('archives/a.tar.zst');
    assert.deepEqual(
      requests.map(({ cache }) => cache),
      ['no-cache', 'default']
    );
  });

  test('what was wrong is asked for past every cache, blocking or not', async () => {
    answer = new Response('right');
    await new BrowserTransport(BASE).read('archives/a.tar.zst', undefined, { anew: true });
    Object.assign(answer, { stored: utf8('right') });
    new BrowserTransport(BASE).readSync('archives/a.tar.zst', { anew: true });
    new BrowserTransport(BASE).readSync('archives/a.tar.zst');
    assert.deepEqual(requests[0], { url: `${BASE}archives/a.tar.zst`, cache: 'reload' });
    const [path, query] = (requests[1]?.url ?? '').split('?');
    assert.equal(path, `${BASE}archives/a.tar.zst`);
    assert.match(query ?? '', /^lite-env-anew=./);
    assert.equal(requests[2]?.url, `${BASE}archives/a.tar.zst`);
  });

  test('a blocking read beside a request for the same file has an address of its own', () => {
    answer = new Response('right');
    Object.assign(answer, { stored: utf8('right') });
    new BrowserTransport(BASE).readSync('archives/a.tar.zst', { apart: true });
    assert.match(requests[0]?.url ?? '', /archives\/a\.tar\.zst\?lite-env-apart=./);
    // It is no reason for the service worker to take what is kept for wrong.
    assert.ok(!requests[0]?.url.includes(ANEW));
  });

  test('a blocking read has a limit, by how much is expected', () => {
    answer = new DOMException('', 'TimeoutError');
    const read = () => new BrowserTransport(BASE).readSync('archives/a.tar.zst', { size: 1_000_000 });
    const message = /^"archives\/a\.tar\.zst" did not come within the 93 seconds/;
    assert.throws(read, failure('NetworkFailed', message, 'archives/a.tar.zst'));
    assert.deepEqual(limits, [92_500]);
    answer = Object.assign(new Response(''), { stored: utf8('') });
    new BrowserTransport(BASE).readSync('manifest.json');
    assert.equal(limits[1], 30_000);
  });

  test('404 and 410: the file is missing', async () => {
    await refuses(
      () => new Response('', { status: 404 }),
      'FileMissing',
      /^"archives\/a\.tar\.zst" is not on the server \(404\)$/
    );
    requests = [];
    await refuses(() => new Response('', { status: 410 }), 'FileMissing', /\(410\)/);
  });

  test('500 and 403: the status is told', async () => {
    await refuses(
      () => new Response('', { status: 500 }),
      'HttpStatus',
      /refuses "archives\/a\.tar\.zst" with status 500/
    );
    requests = [];
    await refuses(() => new Response('', { status: 403 }), 'HttpStatus', /status 403/);
  });

  test('404 that is a page is a missing file, 200 that is a page is a fallback', async () => {
    await refuses(() => new Response('<!doctype html>', { status: 404, headers: HTML }), 'FileMissing', /404/);
    requests = [];
    await refuses(
      () => new Response('<!doctype html>', { headers: HTML }),
      'HtmlInsteadOfFile',
      /HTML page in place of "archives/
    );
  });

  test('a foreign but harmless MIME type is no failure', async () => {
    answer = new Response('x', { headers: { 'content-type': 'text/plain' } });
    assert.equal(text(await new BrowserTransport(BASE).read('archives/a.tar.zst')), 'x');
  });

  test('a network error while online', async () => {
    await refuses(
      () => new TypeError('Failed to fetch'),
      'NetworkFailed',
      /could not be fetched: the server does not answer/
    );
  });

  test('a network error while offline', async () => {
    define('navigator', { onLine: false });
    await refuses(
      () => new TypeError('Failed to fetch'),
      'Offline',
      /^no network, and "archives\/a\.tar\.zst" is in no cache$/
    );
  });

  test('a body that breaks off says after how many bytes', async () => {
    let sent = false;
    answer = new Response(
      new ReadableStream({
        pull: controller => {
          sent ? controller.error(new TypeError('network error')) : controller.enqueue(utf8('1234567'));
          sent = true;
        },
      })
    );
    await assert.rejects(
      new BrowserTransport(BASE).read('a.wasm'),
      failure('Truncated', /^"a\.wasm" broke off after 7 bytes$/, 'a.wasm')
    );
  });

  test('a script is run from a blob, which is given back', async () => {
    const run: string[] = [];
    const revoked: string[] = [];
    define('importScripts', (url: string) => run.push(url));
    const revoke = URL.revokeObjectURL;
    URL.revokeObjectURL = url => revoked.push(url);
    new BrowserTransport(BASE).evaluate(utf8('1'), 'k.js');
    define('importScripts', () => {
      throw new SyntaxError('unexpected token');
    });
    const message = /^"k\.js" is not a script that this browser can run: SyntaxError: unexpected token$/;
    assert.throws(
      () => new BrowserTransport(BASE).evaluate(utf8('}'), 'k.js'),
      failure('Undecodable', message, 'k.js')
    );
    URL.revokeObjectURL = revoke;
    assert.match(run[0] as string, /^blob:/);
    assert.equal(revoked.length, 2);
  });

  test('a path stays below its base, whatever its names look like', () => {
    assert.equal(resolvePath('archives/a.tar.zst', BASE), `${BASE}archives/a.tar.zst`);
    assert.equal(resolvePath('http:else.example/x', BASE), `${BASE}http%3Aelse.example/x`);
    assert.equal(resolvePath('a?b/c#d e', BASE), `${BASE}a%3Fb/c%23d%20e`);
  });
});

function stubXhr(answer: () => Answer, onSend: (url: string, timeout: number) => void) {
  return class {
    status = 0;
    response: ArrayBuffer | null = null;
    timeout = 0;
    private url = '';
    open(_method: string, url: string, isAsync: boolean): void {
      assert.equal(isAsync, false);
      this.url = url;
    }
    send(): void {
      onSend(this.url, this.timeout);
      const reply = answer();
      if (reply instanceof Error) {
        throw reply;
      }
      this.status = reply.status;
      this.response = ((reply as { stored?: Uint8Array }).stored ?? new Uint8Array(0)).slice().buffer as ArrayBuffer;
    }
    getResponseHeader(name: string): string | null {
      return (answer() as Response).headers.get(name);
    }
  };
}

describe('NodeTransport', () => {
  test('files are read both ways, with progress', async t => {
    const folder = await folderWith(t, { 'archives/a': 'bytes' });
    const progress: number[] = [];
    assert.equal(text(await new NodeTransport(folder).read('archives/a', loaded => progress.push(loaded))), 'bytes');
    assert.equal(text(new NodeTransport(folder).readSync('archives/a')), 'bytes');
    assert.deepEqual(progress, [5]);
  });

  test('what is not there is missing, what is no file cannot be read', async t => {
    const transport = new NodeTransport(await folderWith(t, { 'archives/a': 'bytes' }));
    for (const path of ['nope', 'archives/a/b']) {
      await assert.rejects(transport.read(path), failure('FileMissing', /is not in the pack$/, path));
      assert.throws(() => transport.readSync(path), failure('FileMissing', /is not in the pack$/, path));
    }
    await assert.rejects(
      transport.read('archives'),
      failure('NetworkFailed', /^"archives" cannot be read: Error: EISDIR/, 'archives')
    );
    assert.throws(() => transport.readSync('archives'), failure('NetworkFailed', /EISDIR/, 'archives'));
  });

  test('a script makes globals; what is no script is refused by its path', () => {
    const transport = new NodeTransport('/');
    transport.evaluate(utf8('var liteEnvTestGlobal = 42;'), 'k.js');
    assert.equal((globalThis as Record<string, unknown>)['liteEnvTestGlobal'], 42);
    assert.throws(
      () => transport.evaluate(utf8('var = ;'), 'k.js'),
      failure('Undecodable', /^"k\.js" is not a script that Node can run: SyntaxError/, 'k.js')
    );
  });
});

async function folderWith(t: { after(clean: () => unknown): void }, files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lite-env-'));
  t.after(() => rm(folder, { recursive: true }));
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(folder, path, '..'), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  return folder;
}
