/** The embedding API below the worker: requests with their replies, and the page's end of the service worker. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { DriveDesk, type Answerer } from '../src/drive/desk';
import { Requests } from '../src/embed/requests';
import { ServiceBridge } from '../src/embed/service';
import type { JupyterMessage } from '../src/protocol';

function setup() {
  const sent: JupyterMessage[] = [];
  const answered: JupyterMessage[] = [];
  const reported: unknown[] = [];
  const requests = new Requests({
    send: message => sent.push(message),
    answerInput: reply => answered.push(reply),
    report: error => reported.push(error),
  });
  const say = (type: string, content: Record<string, unknown> = {}, parent = sent.at(-1)) =>
    requests.take({
      header: { msg_id: type, msg_type: type, session: 'k' },
      parent_header: { ...parent?.header },
      metadata: {},
      content,
      channel: 'iopub',
    });
  return { sent, answered, reported, requests, say };
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

test('what a page throws at an output or a question is reported, and loses nothing', async () => {
  const { requests, say, reported, answered } = setup();
  const onOutput = () => {
    throw new Error('in the page');
  };
  const onInput = () => {
    throw new Error('no dialog');
  };
  const done = requests.send('execute_request', {}, { onOutput, onInput });
  say('stream', { text: 'x' });
  say('input_request');
  say('execute_reply', { status: 'ok' });
  say('status', { execution_state: 'idle' });
  assert.equal((await done).content['status'], 'ok');
  assert.deepEqual(reported.map(String), ['Error: in the page', 'Error: in the page']);
  assert.equal(answered[0]?.content['value'], '');
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

async function bridge(answer: Answerer | null = null): Promise<ServiceBridge> {
  const made = await ServiceBridge.open('sw.js', answer && new DriveDesk(answer));
  assert.ok(made instanceof ServiceBridge);
  opened.push(made);
  return made;
}

/** Ask as the service worker does, and give all answers that come within a moment. */
async function ask(
  browsingContextId: string,
  pathname: string,
  meanwhile: () => void = () => undefined,
  data: object = { method: 'lookup', path: '/' }
) {
  const channel = new BroadcastChannel('/sw-api.v1');
  const answers: any[] = [];
  channel.onmessage = event => answers.push((event as MessageEvent).data);
  const ticket = { epoch: browsingContextId, id: 1, deadline: Date.now() + 60_000 };
  channel.postMessage({ data, browsingContextId, requestId: 'r1', pathname, ...ticket });
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

test('a service worker whose script does not come is none, and nobody waits for it', async t => {
  const register = () => new Promise(() => undefined);
  Object.defineProperty(globalThis, 'navigator', { value: { serviceWorker: { register } }, configurable: true });
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const found = ServiceBridge.open('sw.js', null);
  t.mock.timers.tick(60_000);
  assert.match(String(await found), /could not be registered: .*the server sends nothing for "sw\.js"/);
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

const typed = (value: string, question: string) =>
  ({ content: { value }, parent_header: { msg_id: question } }) as unknown as JupyterMessage;
const askInput = (id: string, question: string, meanwhile?: () => void) =>
  ask(id, '/site/api/stdin/kernel', meanwhile, { question });

test('a question waits for its own answer, and takes one that came between two requests for it', async () => {
  const one = await bridge();
  const { browsingContextId: id } = one;
  const later = await askInput(id, 'q1', () => {
    one.answerInput(typed('for another', 'q0'));
    one.answerInput(typed('typed', 'q1'));
  });
  assert.deepEqual(later.map(({ response }) => response), [typed('typed', 'q1')]);
  one.answerInput(typed('early', 'q2'));
  assert.deepEqual(await askInput(id, 'q3'), []);
  const before = await askInput(id, 'q2');
  assert.deepEqual(before.map(({ response }) => response), [typed('early', 'q2')]);
});

test('a worker that follows gets nothing that was meant for the one before, drive or question', async () => {
  let answerDrive: (answer: unknown) => void = () => undefined;
  const one = await bridge(() => new Promise(resolve => (answerDrive = resolve)));
  const { browsingContextId: before } = one;
  one.answerInput(typed('early', 'q'));
  const slow = await ask(before, '/site/api/drive', () => {
    one.begin();
    answerDrive('late');
  });
  assert.notEqual(one.browsingContextId, before);
  assert.deepEqual(slow.map(({ browsingContextId }) => browsingContextId), [before]);
  assert.deepEqual(await askInput(one.browsingContextId, 'q'), []);
  assert.deepEqual(await askInput(before, 'q2', () => one.answerInput(typed('late', 'q2'))), []);
});

test('an answer that did not arrive is given again, until its cell is over', async () => {
  const one = await bridge();
  const { browsingContextId: id } = one;
  // The service worker that waits for it is ended meanwhile, and the worker asks again.
  await askInput(id, 'q1', () => one.answerInput(typed('typed', 'q1')));
  const again = await askInput(id, 'q1');
  assert.deepEqual(again.map(({ response }) => response), [typed('typed', 'q1')]);
  one.forgetInput();
  assert.deepEqual(await askInput(id, 'q1'), []);
});

test('a question of a worker that has ended does not wait for a user', async () => {
  const one = await bridge();
  const { browsingContextId } = one;
  const answers = await askInput(browsingContextId, 'q', () => one.begin());
  assert.deepEqual(answers, [{ response: null, browsingContextId, requestId: 'r1' }]);
  assert.equal((Reflect.get(one, 'awaitingInput') as Map<string, unknown>).size, 0);
});

test('a question that nobody answers for a minute is to be asked again', async t => {
  const one = await bridge();
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const channel = new BroadcastChannel('/sw-api.v1');
  t.after(() => channel.close());
  const { browsingContextId } = one;
  const answer = new Promise<any>(resolve => (channel.onmessage = event => resolve((event as MessageEvent).data)));
  channel.postMessage({ data: { question: 'q' }, browsingContextId, requestId: 'r1', pathname: '/api/stdin/kernel' });
  const waits = Reflect.get(one, 'awaitingInput') as Map<string, unknown>;
  while (waits.size === 0) {
    await new Promise(resolve => setImmediate(resolve));
  }
  t.mock.timers.tick(60_000);
  assert.deepEqual(await answer, { response: null, browsingContextId, requestId: 'r1' });
});

test('an answer that cannot be sent is an error, and nobody waits for ever', async () => {
  const one = await bridge(async () => ({ notData: 1n }));
  const [failed] = await ask(one.browsingContextId, '/site/api/drive');
  assert.equal(failed.response.error.code, 'EIO');
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
