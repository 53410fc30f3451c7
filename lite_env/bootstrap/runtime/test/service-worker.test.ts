import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { XhrDriveChannel } from '../src/drive/xhr';
import { CHANNEL } from '../src/service/channel';
import { driveSeconds, forward, type Channel, type ForwardedAnswer } from '../src/service/forward';
import { rightAnswer, type Wanted } from '../src/service/pages';
import { outdatedCaches, pageCacheName, routeOf, type SiteInfo } from '../src/service/routes';

const SCOPE = 'https://site.example/demo/';
const DIGEST = 'ab'.repeat(32);
const RUNTIME = 'runtime/0123456789abcdef/';
const SITE: SiteInfo = {
  build: 'b1',
  files: { './': null, [`${RUNTIME}page.js`]: DIGEST },
  runtime: RUNTIME,
  drive: 'browser',
};

describe('routes of the service worker', () => {
  const kind = (path: string, method = 'GET', site = SITE) =>
    routeOf(method, new URL(path, SCOPE).href, SCOPE, site).kind;

  test('the page is one file, by whatever address it is opened', () => {
    for (const path of ['', 'index.html', '?token=abc', 'index.html?x=1#env']) {
      assert.deepEqual(routeOf('GET', SCOPE + path, SCOPE, SITE), { kind: 'page', file: './' });
    }
    assert.equal(kind('runtime/0123456789abcdef/page.js'), 'page');
  });

  test('what a hash names comes from the cache, a manifest from the network', () => {
    assert.equal(kind(`packs/demo/archives/${DIGEST}.tar.zst`), 'hashed');
    assert.equal(kind(`packs/demo/index-${DIGEST}.json.zst`), 'hashed');
    assert.equal(kind('packs/demo/kernels/xpython/xpython-ce6fe2b942301bc3.wasm'), 'hashed');
    assert.equal(kind('packs/demo/manifest.json'), 'manifest');
  });

  test('what is not ours passes', () => {
    for (const path of [
      'sw.js',
      'data.csv',
      'api/status',
      'other/',
      'https://cdn.example/a',
      'https://site.example/x/',
    ]) {
      assert.equal(kind(path), 'pass', path);
    }
    assert.equal(kind('', 'HEAD'), 'pass');
    assert.equal(kind('', 'PUT'), 'pass');
  });

  test('a drive in the browser is answered by the page, a server answers for itself', () => {
    assert.equal(kind('api/drive', 'POST'), 'forward');
    assert.equal(kind('api/drive', 'POST', { ...SITE, drive: 'server' }), 'pass');
    assert.equal(kind('api/drive', 'POST', { ...SITE, drive: 'none' }), 'pass');
    assert.equal(kind('api/drive'), 'pass');
    assert.equal(kind('deeper/api/drive', 'POST'), 'pass');
  });

  test('input is asked of the page wherever the drive is', () => {
    assert.equal(kind('api/stdin/kernel', 'POST'), 'forward');
    assert.equal(kind('api/stdin/kernel', 'POST', { ...SITE, drive: 'server' }), 'forward');
    assert.equal(kind('api/stdin/', 'POST'), 'pass');
  });

  test('only older deployments of the same folder are dropped', () => {
    const mine = pageCacheName(SCOPE, 'b1');
    const older = pageCacheName(SCOPE, 'b0');
    const neighbour = pageCacheName('https://site.example/demo-two/', 'b0');
    assert.deepEqual(outdatedCaches([mine, older, neighbour, 'lite-env', 'precache'], SCOPE, 'b1'), [older]);
  });
});

describe("the page's own files", () => {
  const script = "'use strict';";
  const sha256 = createHash('sha256').update(script).digest('hex');
  const file: Wanted = { url: `${SCOPE}${RUNTIME}worker.js`, sha256, names: RUNTIME };
  const page: Wanted = { url: SCOPE, sha256: null, names: RUNTIME };
  const answer = (body: string, type = 'text/javascript', status = 200) =>
    new Response(body, { status, headers: { 'content-type': type } });

  /** A server with one answer in the browser's cache and another at itself. */
  async function had(wanted: Wanted, cached: Response, served: Response): Promise<[string, string[]]> {
    const asked: string[] = [];
    const ask = async (_url: string, cache: RequestCache) => {
      asked.push(cache);
      return cache === 'reload' ? served : cached;
    };
    return [await (await rightAnswer(wanted, ask)).text(), asked];
  }

  test('what the browser has is taken where it is right', async () => {
    assert.deepEqual(await had(file, answer(script), answer('never asked')), [script, ['force-cache']]);
    const html = `<script src="${RUNTIME}page.js"></script><script src="/of-the-host.js"></script>`;
    assert.deepEqual(await had(page, answer(html, 'text/html'), answer('')), [html, ['no-cache']]);
  });

  for (const [what, wrong] of [
    ['other bytes', answer('"use strict";')],
    ['a page', answer(script, 'text/html')],
    ['a type that is run by nobody', answer(script, 'text/plain')],
    ['an error', answer(script, 'text/javascript', 404)],
  ] as const) {
    test(`${what}: asked for anew, and no installation where the server still has it`, async () => {
      const wrongOnce = wrong.clone();
      assert.deepEqual(await had(file, wrongOnce, answer(script)), [script, ['force-cache', 'reload']]);
      await assert.rejects(had(file, wrong.clone(), wrong.clone()), /worker\.js (has SHA-256|answered|is called)/);
    });
  }

  test('a page that is not of this deployment is none', async () => {
    const login = answer('<form>Log in</form>', 'text/html');
    await assert.rejects(had(page, login.clone(), login.clone()), /is not the page of this deployment/);
  });
});

describe('forwarding to the page', () => {
  const ask = (body: unknown) =>
    new Request(`${SCOPE}api/drive`, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) });
  const question = { data: { method: 'readdir', path: '' }, browsingContextId: 'tab', requestId: '1' };

  /** What a page would do, at the other end of the channel. */
  async function withPage(
    answer: (asked: Record<string, unknown>) => ForwardedAnswer[],
    run: (channel: Channel) => Promise<void>
  ): Promise<void> {
    const page = new BroadcastChannel(CHANNEL);
    const worker = new BroadcastChannel(CHANNEL);
    page.onmessage = event =>
      answer((event as MessageEvent).data as Record<string, unknown>).forEach(data => page.postMessage(data));
    try {
      await run(worker as unknown as Channel);
    } finally {
      page.close();
      worker.close();
    }
  }

  test('the answer of the tab that is meant comes back, of that request and of no other', async () => {
    let seen: Record<string, unknown> = {};
    const answers = (asked: Record<string, unknown>) => {
      seen = asked;
      return [
        { browsingContextId: 'other', requestId: '1', response: 'of another tab' },
        { browsingContextId: 'tab', requestId: '0', response: 'of another request' },
        { browsingContextId: 'tab', requestId: '1', response: ['a.txt'] },
      ];
    };
    await withPage(answers, async channel => {
      const response = await forward(ask(question), channel, () => 5);
      assert.equal(response.status, 200);
      assert.deepEqual(await response.json(), ['a.txt']);
    });
    assert.deepEqual(seen, { ...question, pathname: '/demo/api/drive' });
  });

  test('an error keeps its status', async () => {
    const error = { error: { code: 'ENOENT', message: 'no such file' } };
    const answers = () => [{ browsingContextId: 'tab', requestId: '1', response: error, status: 404 }];
    await withPage(answers, async channel => {
      const response = await forward(ask(question), channel, () => 5);
      assert.equal(response.status, 404);
      assert.deepEqual(await response.json(), error);
    });
  });

  test('a page that is gone is an error, not a wait without end', async () => {
    await withPage(
      () => [],
      async channel => {
        const response = await forward(ask(question), channel, () => 0.02);
        assert.equal(response.status, 504);
        assert.equal(((await response.json()) as { error: { code: string } }).error.code, 'EIO');
      }
    );
  });

  test('what is no JSON is refused', async () => {
    await withPage(
      () => [],
      async channel => assert.equal((await forward(ask('{'), channel, () => 1)).status, 400)
    );
  });

  test('a drive and its worker have one limit, and the answer says whose it is', async () => {
    assert.ok(driveSeconds({ data: { method: 'put' } }) > driveSeconds({ data: { method: 'lookup' } }));
    // A browser ends what its service worker does after five minutes.
    assert.ok(driveSeconds({ data: { method: 'put' } }) < 300);
    for (const method of ['get', 'put', 'lookup'] as const) {
      const sent: number[] = [];
      const request = {
        open: () => undefined,
        set timeout(value: number) {
          sent.push(value);
        },
      };
      const channel = new XhrDriveChannel({ url: '', browsingContextId: '', headers: {} }, () => request as never);
      assert.throws(() => channel.ask({ method, path: '/' }));
      assert.equal(sent[0], (driveSeconds({ data: { method } }) + 5) * 1000);
    }
    const answers = () => [{ browsingContextId: 'tab', requestId: '1', response: null }];
    await withPage(answers, async channel => {
      const response = await forward(ask(question), channel, driveSeconds);
      assert.equal(response.headers.get('x-lite-env-request'), '1');
    });
  });

  test('an answer that JSON cannot hold is a refusal', async () => {
    const answers = () => [{ browsingContextId: 'tab', requestId: '1', response: 1n }];
    await withPage(answers, async channel => {
      const response = await forward(ask(question), channel, () => 5);
      assert.equal(response.status, 500);
      assert.match(await response.text(), /"EIO".*no JSON/);
    });
  });
});
