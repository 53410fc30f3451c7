/** One reload and never a loop, and headers on documents and workers alone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { embedderPolicy, isAsking, isLeftOver, isolated, PROBE_ANSWER, understood } from '../src/isolate/headers';
import { isolate, type IsolationPage } from '../src/jupyterlite/isolation';

const ROOT = new URL('https://example.test/docs/lite/');
const CHROMIUM = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';
const SAFARI = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15';
const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0';

class Page implements IsolationPage {
  crossOriginIsolated = false;
  isFramed = false;
  settings: Record<string, unknown> = { appVersion: '0.8.6' };
  reloads = 0;
  readonly registered: string[] = [];
  readonly kept = new Map<string, string>();
  readonly session = { getItem: (key: string) => this.kept.get(key) ?? null, setItem: (key: string, value: string) => void this.kept.set(key, value) };
  readonly local = this.session;
  serviceWorker: ServiceWorkerContainer | undefined;
  answer = PROBE_ANSWER;
  touched = false;
  readonly visited: string[] = [];
  onVisit = () => undefined as void;

  constructor({ controlled = false, takesOver = true, registration = {} } = {}) {
    const target = new EventTarget();
    const update = () => {
      if (takesOver) {
        queueMicrotask(() => {
          container.controller = {};
          this.answer = PROBE_ANSWER;
          target.dispatchEvent(new Event('controllerchange'));
        });
      }
    };
    const container = {
      controller: controlled ? {} : null,
      addEventListener: target.addEventListener.bind(target),
      register: (url: string) => {
        this.registered.push(url);
        if (!container.controller) {
          update();
        }
        return Promise.resolve({ ...registration, update: () => Promise.resolve(update()) });
      },
    } as { controller: object | null };
    this.serviceWorker = container as unknown as ServiceWorkerContainer;
  }

  fetch(url: string): Promise<Response> {
    assert.equal(url, 'https://example.test/docs/lite/lite-env/api/isolation');
    return Promise.resolve(new Response(this.answer));
  }

  visit(url: string): Promise<void> {
    this.visited.push(url);
    this.onVisit();
    return Promise.resolve();
  }

  isTouched(): boolean {
    return this.touched;
  }

  reload(): void {
    this.reloads += 1;
  }
}

test('a first visit is loaded once more, when the worker that JupyterLite would register answers for it', async () => {
  const page = new Page();
  page.settings['enableServiceWorkerCache'] = 'true';
  assert.equal(await isolate(page, ROOT, 'one'), null);
  assert.equal(page.reloads, 1);
  const url = 'https://example.test/docs/lite/service-worker.js?enableCache=true';
  assert.deepEqual(page.registered, [url]);
  assert.equal(page.kept.get(`${url}-version`), '0.8.6');
});

test('a page that is still not isolated is never loaded again for the same build', async () => {
  const page = new Page();
  await isolate(page, ROOT, 'one');
  assert.match((await isolate(page, ROOT, 'one')) ?? '', /did not help/);
  assert.equal(page.reloads, 1);
  await isolate(page, ROOT, 'two');
  assert.equal(page.reloads, 2);
});

test('the worker of a build before is replaced first', async () => {
  const page = new Page({ controlled: true });
  page.answer = '<title>404</title>';
  assert.equal(await isolate(page, ROOT, 'one'), null);
  assert.equal(page.reloads, 1);
});

const refusals: Record<string, [(page: Page) => void, RegExp]> = {
  'in a frame': [page => (page.isFramed = true), /frame/],
  'without service workers': [page => (page.serviceWorker = undefined), /https/],
  'without storage': [
    page => {
      page.session.getItem = () => {
        throw new Error('denied');
      };
    },
    /no storage/,
  ],
  'where nothing can be registered': [
    page => {
      (page.serviceWorker as { register: unknown }).register = () => Promise.reject(new TypeError('404'));
    },
    /could not be registered/,
  ],
};
for (const [where, [change, said]] of Object.entries(refusals)) {
  test(`nothing is loaded again ${where}, and why is said`, async () => {
    const page = new Page();
    change(page);
    assert.match((await isolate(page, ROOT, 'one')) ?? '', said);
    assert.equal(page.reloads, 0);
  });
}

test('a worker that does not take over is waited for no longer than the limit', async () => {
  const page = new Page({ takesOver: false });
  assert.match((await isolate(page, ROOT, 'one', 20)) ?? '', /takes too long/);
  assert.equal(page.reloads, 0);
});

test('a worker of another build that none will follow is not waited for', async () => {
  const page = new Page({ controlled: true, takesOver: false, registration: { active: { state: 'activated' } } });
  page.answer = '<title>404</title>';
  assert.match((await isolate(page, ROOT, 'one')) ?? '', /not the one of this build/);
  assert.equal(page.reloads, 0);
});

test('a worker of before that does not go is asked for a page, and for none where no other one waits', async () => {
  const registration = { waiting: { state: 'installed' }, active: { state: 'activated' } };
  const page = new Page({ controlled: true, takesOver: false, registration });
  page.answer = '<title>404</title>';
  page.onVisit = () => void (page.answer = PROBE_ANSWER);
  assert.equal(await isolate(page, ROOT, 'one'), null);
  assert.deepEqual(page.visited, ['https://example.test/docs/lite/lite-env/api/isolation']);
  assert.equal(page.reloads, 1);
  const other = new Page({ controlled: true });
  other.answer = '<title>404</title>';
  await isolate(other, ROOT, 'one');
  assert.deepEqual(other.visited, []);
});

for (const [touched, reloads] of [[true, 0], [false, 1]] as const) {
  test(`a page whose worker came late is ${reloads ? '' : 'not '}loaded again where ${touched ? 'somebody' : 'nobody'} has touched it`, async t => {
    t.mock.timers.enable({ apis: ['Date'] });
    const page = new Page();
    page.touched = touched;
    page.fetch = () => {
      t.mock.timers.tick(6_000);
      return Promise.resolve(new Response(PROBE_ANSWER));
    };
    assert.match(String(await isolate(page, ROOT, 'one')), touched ? /begun to work/ : /null/);
    assert.equal(page.reloads, reloads);
  });
}

test('an isolated page is left alone', async () => {
  const page = new Page();
  page.crossOriginIsolated = true;
  assert.equal(await isolate(page, ROOT, 'one'), null);
  assert.deepEqual(page.registered, []);
});

test('headers stand on answers to documents and workers, and an answer that nobody may look into stays', async () => {
  const asked = { method: 'GET', url: 'https://example.test/lab/', mode: 'navigate', destination: 'document', cache: 'default' };
  assert.equal(isAsking(asked), true);
  assert.equal(isAsking({ ...asked, mode: 'cors', destination: 'worker' }), true);
  assert.equal(isAsking({ ...asked, mode: 'no-cors', destination: 'script' }), false);
  assert.equal(isLeftOver(asked, 'https://example.test'), true);
  const told = { ...asked, method: 'HEAD', mode: 'cors', destination: '' };
  assert.deepEqual([isAsking(told), isLeftOver(told, 'https://example.test')], [true, true]);
  assert.equal(isLeftOver({ ...asked, method: 'POST' }, 'https://example.test'), false);
  assert.equal(isLeftOver({ ...asked, url: 'https://other.test/' }, 'https://example.test'), false);
  const page = isolated(new Response('page', { status: 404, headers: { 'Content-Type': 'text/html' } }), 'credentialless');
  assert.equal(page.status, 404);
  assert.equal(page.headers.get('Content-Type'), 'text/html');
  assert.equal(page.headers.get('Cross-Origin-Opener-Policy'), 'same-origin');
  assert.equal(page.headers.get('Cross-Origin-Embedder-Policy'), 'credentialless');
  assert.equal(await page.text(), 'page');
  const failed = Response.error();
  assert.equal(isolated(failed, 'credentialless'), failed);
});

test('browsers that know it are asked for credentialless', () => {
  assert.deepEqual([CHROMIUM, FIREFOX, SAFARI].map(embedderPolicy), ['credentialless', 'credentialless', 'require-corp']);
});

test('a browser that does not know what the host says is told in its own words', async () => {
  const host = { 'Cross-Origin-Embedder-Policy': 'credentialless', 'Cross-Origin-Opener-Policy': 'same-origin' };
  const said = () => new Response('page', { status: 203, headers: host });
  const page = understood(said(), SAFARI);
  assert.deepEqual([page.status, await page.text()], [203, 'page']);
  assert.equal(page.headers.get('Cross-Origin-Embedder-Policy'), 'require-corp');
  assert.equal(page.headers.get('Cross-Origin-Opener-Policy'), 'same-origin');
  assert.equal(understood(said(), FIREFOX).headers.get('Cross-Origin-Embedder-Policy'), 'credentialless');
  // Whoever is not asked to isolate does not.
  assert.equal(understood(new Response('page'), SAFARI).headers.get('Cross-Origin-Embedder-Policy'), null);
});
