/** What is started when a page and what is deployed are of two versions, and what is told when it cannot be. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { after, afterEach, beforeEach, test } from 'node:test';
import type { KernelOptions } from '../src/embed/api';
import type { Failure } from '../src/errors';
import type { LiteSite } from '../src/jupyterlite/site';
import { Starter } from '../src/jupyterlite/starter';
import { Refusals } from '../src/jupyterlite/why-not';

const FOLDER = mkdtempSync(join(tmpdir(), 'lite-env-starter-'));
const ROOT = pathToFileURL(`${FOLDER}/`);
const page = globalThis as Record<string, unknown>;

/** A runtime that says what it was asked for. */
function runtime(name: string, text = 'export const EMBED_VERSION = 1;\nexport const createKernel = async options => options;\n'): string {
  mkdirSync(join(FOLDER, name), { recursive: true });
  writeFileSync(join(FOLDER, name, 'lite-env.mjs'), text);
  return `${name}/`;
}

function site(build: string, folder: string, name = 'toy'): LiteSite {
  const kernel = {
    name,
    display_name: 'Toy',
    language: 'toy',
    env: 'demo',
    kernel: 'packed',
    manifest: `api/packs/${build}/manifest.json`,
    worker: 'module',
    bytes: 1,
    logos: {},
  } as const;
  return { format: 1, build, runtime: folder, kernels: [kernel], default: null, isolate: false, prefetch: 'none', snapshots: true, notes: [] };
}

const made: { url: string; type: string; ended: boolean }[] = [];
class FakeWorker extends EventTarget {
  private readonly note;
  constructor(url: URL, { type }: { type: string }) {
    super();
    this.note = { url: url.href, type, ended: false };
    made.push(this.note);
  }
  terminate(): void {
    this.note.ended = true;
  }
}

/** Answers by the end of the address; an error is no answer. */
let answers: Record<string, Response | Error | Promise<Response>> = {};
const before = { fetch: globalThis.fetch, Worker: page['Worker'], location: page['location'] };

beforeEach(() => {
  made.length = 0;
  answers = {};
  page['Worker'] = FakeWorker;
  page['location'] = { origin: ROOT.origin };
  page['fetch'] = (url: string) => {
    const found = Object.entries(answers).find(([end]) => url.endsWith(end))?.[1];
    return found instanceof Error ? Promise.reject(found) : Promise.resolve(found ?? new Response('', { status: 404 }));
  };
});
afterEach(() => Object.assign(page, before));
after(() => rmSync(FOLDER, { recursive: true }));

const json = (value: unknown) => new Response(JSON.stringify(value));

async function start(told: LiteSite, name = 'toy'): Promise<KernelOptions> {
  return (await new Starter(told, ROOT).start(name, { cwd: 'folder' })) as unknown as KernelOptions;
}

async function failure(starting: Promise<unknown>): Promise<Failure> {
  try {
    await starting;
  } catch (error) {
    return (error as { failure: Failure }).failure;
  }
  assert.fail('it has started');
}

test('a start of what the page knows begins worker, manifest and runtime at once', async () => {
  const told = site('same', runtime('same'));
  answers['api/site.json'] = json(told);
  const options = await start(told);
  assert.equal(options.manifest, new URL('api/packs/same/manifest.json', ROOT).href);
  assert.equal(options.kernel, 'packed');
  assert.equal(options.runtime, new URL('same/', ROOT).href);
  assert.equal(options.cwd, 'folder');
  assert.deepEqual(made, [{ url: new URL('same/worker.js', ROOT).href, type: 'module', ended: false }]);
  assert.ok(options.ahead?.worker instanceof FakeWorker);
});

test('what was deployed since is started in its place, with its own runtime', async () => {
  answers['api/site.json'] = json(site('new', runtime('new')));
  const options = await start(site('old', runtime('old')));
  assert.equal(options.manifest, new URL('api/packs/new/manifest.json', ROOT).href);
  assert.equal(options.runtime, new URL('new/', ROOT).href);
  assert.deepEqual(made.map(({ ended }) => ended), [true, false]);
});

test('a runtime that is gone with its version hinders nobody', async () => {
  answers['api/site.json'] = json(site('next', runtime('next')));
  assert.equal((await start(site('gone', 'gone/'))).runtime, new URL('next/', ROOT).href);
});

test('a kernel that was deployed away is told by name', async () => {
  answers['api/site.json'] = json(site('other', runtime('other'), 'another'));
  const { name, message, hint } = await failure(start(site('first', runtime('first'))));
  assert.equal(name, 'Redeployed');
  assert.match(message, /no kernel "toy" any more/);
  assert.match(hint ?? '', /reload/);
});

test('a version that this page does not know is told, whether of the site or of the runtime', async () => {
  answers['api/site.json'] = json({ ...site('later', runtime('later')), format: 2 });
  assert.equal((await failure(start(site('now', runtime('now'))))).name, 'Redeployed');
  const told = site('strange', runtime('strange', 'export const EMBED_VERSION = 2; export const createKernel = 1;'));
  answers['api/site.json'] = json(told);
  assert.equal((await failure(start(told))).name, 'Redeployed');
  assert.ok(made.every(({ ended }) => ended));
});

for (const [what, answer] of Object.entries({
  'no network': new TypeError('Failed to fetch'),
  'a page': new Response('<!doctype html>'),
  'an error': new Response('', { status: 500 }),
  'other JSON': json({ build: 1 }),
})) {
  test(`${what} in place of site.json leaves the page with what it knows`, async () => {
    answers['api/site.json'] = answer;
    assert.ok((await start(site('known', runtime('known')))).manifest.includes('/known/'));
  });
}

for (const [answer, name] of [
  [new Response('', { status: 404 }), 'FileMissing'],
  [new Response('', { status: 503 }), 'HttpStatus'],
  [new Response('<html>', { headers: { 'content-type': 'text/html' } }), 'HtmlInsteadOfFile'],
  [new TypeError('Failed to fetch'), 'NetworkFailed'],
  [new Response('export'), 'Undecodable'],
] as const) {
  test(`a runtime that does not load is ${name}, and its worker is ended`, async () => {
    answers['lite-env.mjs'] = answer;
    const found = await failure(start(site('x', `missing-${name}/`)));
    assert.deepEqual([found.name, found.file], [name, 'lite-env.mjs']);
    assert.ok(found.hint);
    assert.deepEqual(made.map(({ ended }) => ended), [true]);
  });
}

test('a runtime that has come meanwhile is found by the next start', async () => {
  const told = site('late', 'late/');
  const starter = new Starter(told, ROOT);
  assert.equal((await failure(starter.start('toy', {}))).name, 'FileMissing');
  runtime('late');
  assert.ok(await starter.start('toy', {}));
});

/** A runtime whose kernel fails of its worker's script, as browsers tell it. */
const BREAKS = `export const EMBED_VERSION = 1;
export const createKernel = async () => {
  const failure = { name: 'KernelFailed', message: 'its script could not be loaded', file: 'worker.js', hint: 'deploy' };
  throw Object.assign(new Error(failure.message), { failure });
};
`;

test('why the script of a worker did not load is asked for', async () => {
  const told = site('breaks', runtime('breaks', BREAKS));
  const reason = async (answer: Response | Error) => {
    answers = { 'api/site.json': json(told), 'worker.js': answer };
    return (await failure(start(told))).name;
  };
  const typed = (type: string, status = 200) => new Response('', { status, headers: { 'content-type': type } });
  assert.equal(await reason(new TypeError('no answer')), 'NetworkFailed');
  assert.equal(await reason(typed('text/plain', 404)), 'FileMissing');
  assert.equal(await reason(typed('text/plain', 503)), 'HttpStatus');
  assert.equal(await reason(typed('text/html; charset=utf-8')), 'HtmlInsteadOfFile');
  assert.equal(await reason(typed('text/plain')), 'Undecodable');
  assert.equal(await reason(typed('text/javascript')), 'KernelFailed');
});

test('what the policy of the page has refused is what to do about a failed start', async () => {
  const told = site('refused', runtime('refused', BREAKS));
  const refusals = new Refusals(ROOT);
  const violation = { effectiveDirective: 'worker-src', disposition: 'enforce' };
  refusals.take({ ...violation, blockedURI: 'https://elsewhere/x.js' });
  refusals.take({ ...violation, blockedURI: `${ROOT}worker.js`, disposition: 'report' });
  assert.equal(refusals.hint, null);
  refusals.take({ ...violation, blockedURI: `${ROOT}worker.js` });
  answers['api/site.json'] = json(told);
  const { name, hint } = await failure(new Starter(told, ROOT, refusals).start('toy', {}));
  assert.equal(name, 'KernelFailed');
  assert.match(hint ?? '', /refuses "worker.js" by worker-src: let the server send worker-src 'self'/);
});
