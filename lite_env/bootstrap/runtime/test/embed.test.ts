/** The embedding API below the worker: requests with their replies, and the page's end of the service worker. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { Requests } from '../src/embed/requests';
import { ServiceBridge } from '../src/embed/service';
import type { JupyterMessage } from '../src/protocol';

function setup() {
  const sent: JupyterMessage[] = [];
  const answered: JupyterMessage[] = [];
  const requests = new Requests({ send: message => sent.push(message), answerInput: reply => answered.push(reply) });
  const say = (type: string, content: Record<string, unknown> = {}, parent = sent.at(-1)) =>
    requests.take({
      header: { msg_id: type, msg_type: type, session: 'k' },
      parent_header: { ...parent?.header },
      metadata: {},
      content,
      channel: 'iopub',
    });
  return { sent, answered, requests, say };
}

const settled = async (promise: Promise<unknown>) => {
  const pending = Symbol();
  return (await Promise.race([promise, new Promise(resolve => setImmediate(resolve, pending))])) !== pending;
};

test('a reply comes when the kernel is idle, after all its output', async () => {
  const { requests, say, sent } = setup();
  const seen: string[] = [];
  const onOutput = ({ header }: JupyterMessage) => seen.push(header.msg_type);
  const done = requests.send('execute_request', { code: '1' }, { onOutput });
  assert.equal(sent[0]?.channel, 'shell');
  say('status', { execution_state: 'busy' });
  say('execute_reply', { status: 'ok' });
  assert.equal(await settled(done), false);
  say('stream', { text: 'late' });
  say('status', { execution_state: 'idle' });
  assert.equal((await done).content['status'], 'ok');
  assert.deepEqual(seen, ['status', 'stream', 'status']);
  say('stream', { text: 'of nobody' });
  assert.equal(seen.length, 3);
});

test('an idle that never comes is not waited for longer than a second', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { requests, say } = setup();
  const done = requests.send('execute_request', {});
  say('execute_reply', { status: 'error' });
  t.mock.timers.tick(999);
  assert.equal(await settled(done), false);
  t.mock.timers.tick(1);
  assert.equal((await done).content['status'], 'error');
});

test('output belongs to its own request', async () => {
  const { requests, say, sent } = setup();
  const [one, two]: [string[], string[]] = [[], []];
  void requests.send('execute_request', {}, { onOutput: ({ content }) => one.push(String(content['text'])) });
  void requests.send('execute_request', {}, { onOutput: ({ content }) => two.push(String(content['text'])) });
  say('stream', { text: 'second' }, sent[1]);
  say('stream', { text: 'first' }, sent[0]);
  assert.deepEqual([one, two], [['first'], ['second']]);
});

test('a question is put to who asked for the cell; one that is refused gets an empty answer', async () => {
  const { requests, say, answered } = setup();
  const asked: unknown[] = [];
  void requests.send('execute_request', {}, { onInput: async (...question) => (asked.push(question), 'Ada') });
  say('input_request', { prompt: 'name? ', password: true });
  await settled(Promise.resolve());
  assert.deepEqual(asked, [['name? ', true]]);
  assert.equal(answered[0]?.header.msg_type, 'input_reply');
  assert.equal(answered[0]?.content['value'], 'Ada');
  assert.equal(answered[0]?.parent_header['msg_type'], 'input_request');
  void requests.send('execute_request', {}, { onInput: () => Promise.reject(new Error('closed')) });
  say('input_request');
  await settled(Promise.resolve());
  assert.equal(answered[1]?.content['value'], '');
});

test('all that wait are told when the kernel is gone', async () => {
  const { requests, say } = setup();
  const waiting = [requests.send('a_request', {}), requests.send('b_request', {})];
  requests.fail(new Error('gone'));
  for (const one of waiting) {
    await assert.rejects(one, /gone/);
  }
  say('b_reply');
});

// In Node there is a BroadcastChannel, and no service worker: this one is what a page sees of one.
const page = globalThis as unknown as { navigator: object };
const original = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
const opened: ServiceBridge[] = [];

beforeEach(() => {
  const registration = { scope: 'http://host/site/', active: {} };
  const serviceWorker = { register: async () => registration, getRegistration: async () => registration };
  Object.defineProperty(globalThis, 'navigator', { value: { serviceWorker }, configurable: true });
});
afterEach(() => {
  opened.splice(0).forEach(bridge => bridge.close());
  Object.defineProperty(globalThis, 'navigator', original ?? { value: undefined, configurable: true });
  mock.restoreAll();
});

async function bridge(answer: Parameters<typeof ServiceBridge.open>[1] = null): Promise<ServiceBridge> {
  const made = await ServiceBridge.open('sw.js', answer);
  assert.ok(made instanceof ServiceBridge);
  opened.push(made);
  return made;
}

/** Ask as the service worker does, and give all answers that come within a moment. */
async function ask(browsingContextId: string, pathname: string, meanwhile: () => void = () => undefined) {
  const channel = new BroadcastChannel('/sw-api.v1');
  const answers: any[] = [];
  channel.onmessage = event => answers.push((event as MessageEvent).data);
  channel.postMessage({ data: { method: 'lookup', path: '/' }, browsingContextId, requestId: 'r1', pathname });
  await new Promise(resolve => setTimeout(resolve, 30));
  meanwhile();
  await new Promise(resolve => setTimeout(resolve, 30));
  channel.close();
  return answers;
}

test('endpoints lie in the scope of the service worker', async () => {
  const { driveUrl, stdinUrl } = await bridge();
  assert.deepEqual([driveUrl, stdinUrl], ['http://host/site/api/drive', 'http://host/site/api/stdin/kernel']);
});

test('two pages never answer each other', async () => {
  const [one, two] = [await bridge(async () => 'one'), await bridge(async () => 'two')];
  for (const [asked, response] of [[one, 'one'], [two, 'two']] as const) {
    const { browsingContextId } = asked;
    const answers = await ask(browsingContextId, '/site/api/drive');
    assert.deepEqual(answers, [{ response, browsingContextId, requestId: 'r1' }]);
  }
  assert.deepEqual(await ask('another', '/site/api/drive'), []);
});

test('errors are answers, and a page without a drive says so', async () => {
  const failing = await bridge(() => Promise.reject(new Error('broken')));
  const [failed] = await ask(failing.browsingContextId, '/site/api/drive');
  assert.deepEqual(failed.response, { error: { code: 'EIO', message: 'broken' } });
  const [none] = await ask((await bridge()).browsingContextId, '/site/api/drive');
  assert.equal(none.response.error.message, 'this page has no drive');
});

test('a question waits for its answer, and takes one that came before it', async () => {
  const one = await bridge();
  const reply = { content: { value: 'typed' } } as unknown as JupyterMessage;
  const later = await ask(one.browsingContextId, '/site/api/stdin/kernel', () => one.answerInput(reply));
  assert.deepEqual(later.map(({ response }) => response), [reply]);
  one.answerInput(reply);
  const before = await ask(one.browsingContextId, '/site/api/stdin/kernel');
  assert.deepEqual(before.map(({ response }) => response), [reply]);
  one.answerInput(reply);
  one.reset();
  assert.deepEqual(await ask(one.browsingContextId, '/site/api/stdin/kernel'), []);
});

test('why there is no service worker is said in words', async () => {
  const none = async (url: string | null | undefined) => ServiceBridge.open(url, null);
  assert.equal(await none(null), 'the page has no service worker');
  const container = { getRegistration: async () => undefined, register: () => Promise.reject(new Error('404')) };
  Object.defineProperty(globalThis, 'navigator', { value: { serviceWorker: container }, configurable: true });
  assert.equal(await none(undefined), 'the page has no service worker');
  assert.equal(await none('sw.js'), 'the service worker could not be registered: Error: 404');
  Object.defineProperty(globalThis, 'navigator', { value: {}, configurable: true });
  Object.assign(page, { isSecureContext: false });
  assert.equal(await none('sw.js'), 'the page is not served over https');
});
