/** The kernel of a page over a worker that says what a test says: every request ends, and listeners cannot hurt it. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import type { KernelOptions } from '../src/embed/api';
import { WorkerKernel } from '../src/embed/kernel';
import { manifestOf } from '../src/embed/manifest';
import type { Failure } from '../src/errors';
import { forgetInterruptBefore, isInterrupted, wasInterrupted } from '../src/kernel/interrupt';
import type { FromWorker, JupyterMessage, ToWorker } from '../src/protocol';
import { CLAIM } from '../src/service/channel';

const FIGURES = { requests: 1, bytes: 2, files: 3, seconds: 4 };

/** A worker from outside: what it was told, in order, and what it says. */
class FakeWorker extends EventTarget {
  static readonly all: FakeWorker[] = [];
  readonly told: ToWorker[] = [];
  terminated = false;

  constructor() {
    super();
    FakeWorker.all.push(this);
  }

  postMessage(envelope: ToWorker): void {
    this.told.push(envelope);
  }

  terminate(): void {
    this.terminated = true;
  }

  say(envelope: FromWorker): void {
    this.dispatchEvent(new MessageEvent('message', { data: envelope }));
  }

  ready(): void {
    this.say({ type: 'ready', kernel: 'xtest', figures: FIGURES, interrupts: true, drive: false });
  }

  /** Messages of a type that it was told, as their ids. */
  asked(type = 'execute_request'): string[] {
    return this.told.flatMap(told =>
      told.type === 'message' && told.message.header.msg_type === type ? [told.message.header.msg_id] : []
    );
  }

  /** Answer a request. */
  answer(id: string, type = 'execute_reply'): void {
    const about = (msg_type: string, content: Record<string, unknown>): JupyterMessage => ({
      header: { msg_id: `${msg_type} ${id}`, msg_type, session: 'k' },
      parent_header: { msg_id: id },
      metadata: {},
      content,
      channel: 'iopub',
    });
    this.say({ type: 'message', message: about('stream', { text: 'x' }) });
    this.say({ type: 'message', message: about(type, { status: 'ok' }) });
    this.say({ type: 'message', message: about('status', { execution_state: 'idle' }) });
  }
}

/** So that what is under way goes as far as it comes without a timer. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) {
    await new Promise(resolve => setImmediate(resolve));
  }
}
const settled = () => new Promise(resolve => setTimeout(resolve, 2));
const GLOBALS = { Worker: FakeWorker, location: new URL('http://host/site/'), crossOriginIsolated: true };
const before = new Map<string, PropertyDescriptor | undefined>();

beforeEach(() => {
  FakeWorker.all.length = 0;
  const fetch = async () => new Response('{}');
  for (const [name, value] of Object.entries({ ...GLOBALS, fetch, navigator: { locks: undefined } })) {
    before.set(name, Object.getOwnPropertyDescriptor(globalThis, name));
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
});

afterEach(() => {
  for (const [name, descriptor] of before) {
    descriptor ? Object.defineProperty(globalThis, name, descriptor) : Reflect.deleteProperty(globalThis, name);
  }
});

const latest = () => FakeWorker.all.at(-1) as FakeWorker;

/** What the start that is under way told its worker. */
async function beginning(): Promise<FakeWorker> {
  await settled();
  assert.equal(latest().told[0]?.type === 'start' || latest().told[1]?.type === 'start', true);
  return latest();
}

async function start(options: Partial<KernelOptions> = {}): Promise<{ kernel: WorkerKernel; worker: FakeWorker }> {
  const starting = WorkerKernel.start({ manifest: 'm', runtime: 'http://host/site/', ...options });
  const worker = await beginning();
  worker.ready();
  return { kernel: await starting, worker };
}

const failure = (message: string): Failure => ({ name: 'KernelFailed', message, file: null, hint: null });

test('what is asked during a restart is answered by the kernel that comes', async () => {
  const { kernel, worker } = await start();
  const restarting = kernel.restart();
  const [asked, figures] = [kernel.execute('1'), kernel.figures()];
  kernel.send({ header: { msg_id: 'own', msg_type: 'x', session: 's' } } as JupyterMessage);
  const next = await beginning();
  assert.equal(worker.terminated, true);
  assert.deepEqual(next.told.map(({ type }) => type).sort(), ['link', 'start']);
  next.ready();
  await restarting;
  await settled();
  assert.deepEqual(next.asked('x'), ['own']);
  const [id] = next.asked();
  next.answer(id as string);
  next.say({ type: 'figures', figures: FIGURES });
  assert.equal((await asked).content['status'], 'ok');
  assert.deepEqual(await figures, FIGURES);
});

test('an interrupt right behind a request that is sent at once is not older than it', async () => {
  const { kernel, worker } = await start();
  const memory = worker.told.find(envelope => envelope.type === 'start')?.shared?.interrupt as SharedArrayBuffer;
  void kernel.execute('1').catch(() => undefined);
  kernel.interrupt();
  const [number] = worker.told.flatMap(told => (told.type === 'message' ? [told.number] : []));
  assert.equal(number, 1);
  forgetInterruptBefore(memory, 1);
  assert.deepEqual([wasInterrupted(memory), isInterrupted(memory)], [true, true]);
  forgetInterruptBefore(memory, 2);
  assert.deepEqual([wasInterrupted(memory), isInterrupted(memory)], [false, false]);
  kernel.dispose();
});

for (const [what, stalls] of [
  ['its answer', () => new Promise<Response>(() => undefined)],
  ['its content', async () => new Response(new ReadableStream({ start: body => body.enqueue(new Uint8Array(8)) }))],
] as const) {
  for (const whose of ['own', "page's"]) {
    test(`a start goes on without a manifest of which ${what} does not come, in the ${whose} request`, async t => {
      t.mock.timers.enable({ apis: ['setTimeout'] });
      Object.assign(globalThis, { fetch: stalls });
      const ahead = whose === 'own' ? null : { worker: new FakeWorker() as unknown as Worker, manifest: stalls() };
      const starting = WorkerKernel.start({ manifest: 'm', runtime: 'http://host/site/', ahead });
      const worker = latest();
      await turns();
      t.mock.timers.tick(9000);
      await turns();
      assert.equal(worker.told.some(({ type }) => type === 'start'), false);
      t.mock.timers.tick(11_000);
      await turns();
      const told = worker.told.find(({ type }) => type === 'start');
      assert.equal(told?.type === 'start' && told.manifestData, null);
      worker.ready();
      (await starting).dispose();
    });
  }
}

test('a manifest that comes slowly is waited for', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let send: ReadableStreamDefaultController | undefined;
  const response = new Response(new ReadableStream({ start: body => void (send = body) }));
  const found = manifestOf('http://host/m', Promise.resolve(response));
  for (let at = 0; at < 6; at += 1) {
    await turns();
    t.mock.timers.tick(9000);
    send?.enqueue(new Uint8Array([at]));
  }
  send?.close();
  assert.deepEqual(await found, new Uint8Array([0, 1, 2, 3, 4, 5]));
});

test('what waits when a restart fails is told why, and so is what comes after it', async () => {
  const { kernel } = await start();
  const restarting = kernel.restart();
  const asked = kernel.execute('1');
  const next = await beginning();
  next.say({ type: 'error', error: failure('no memory'), fatal: true });
  await assert.rejects(restarting, /no memory/);
  await assert.rejects(asked, /no memory/);
  await assert.rejects(kernel.execute('2'), /no memory/);
  await assert.rejects(kernel.figures(), /no memory/);
  const again = kernel.restart();
  (await beginning()).ready();
  await again;
});

test('after a fatal error every request ends at once, whatever it is', async () => {
  const { kernel, worker } = await start();
  const [asked, figures] = [kernel.execute('1'), kernel.figures()];
  worker.say({ type: 'error', error: failure('trapped'), fatal: true });
  for (const waiting of [asked, figures, kernel.execute('2'), kernel.request('x', {}), kernel.figures()]) {
    await assert.rejects(waiting, /trapped/);
  }
  assert.throws(() => kernel.send({ header: {} } as JupyterMessage), /trapped/);
});

test('after dispose every request ends at once, and there is no restart', async () => {
  const { kernel } = await start();
  const [asked, figures] = [kernel.execute('1'), kernel.figures()];
  kernel.dispose();
  for (const waiting of [asked, figures, kernel.execute('2'), kernel.figures(), kernel.restart()]) {
    await assert.rejects(waiting, /the kernel was disposed/);
  }
  assert.equal(FakeWorker.all.length, 1);
});

test('a restart that is overtaken by another ends, and with it what waited for it', async () => {
  const { kernel } = await start();
  const first = kernel.restart();
  const asked = kernel.execute('1');
  const second = kernel.restart();
  await assert.rejects(first, /restarted/);
  await assert.rejects(asked, /restarted/);
  (await beginning()).ready();
  await second;
});

test('a fatal error in the moment of ready is no start', async () => {
  const starting = WorkerKernel.start({ manifest: 'm', runtime: 'http://host/site/' });
  const worker = await beginning();
  worker.ready();
  worker.say({ type: 'error', error: failure('trapped'), fatal: true });
  await assert.rejects(starting, /trapped/);
});

test('what listeners throw is reported, and everybody else hears all of it', async () => {
  const logged: string[] = [];
  const thrower = () => {
    throw new Error('in the page');
  };
  const { kernel, worker } = await start({ onLog: (_, text) => logged.push(text), onProgress: thrower });
  const seen: string[] = [];
  kernel.onMessage(thrower);
  kernel.onMessage(({ header }) => seen.push(header.msg_type));
  kernel.onError(thrower);
  kernel.onError(({ message }) => seen.push(message));
  const done = kernel.execute('1', { onOutput: thrower });
  worker.say({ type: 'progress', phase: 'kernel', file: 'f', loaded: 1, total: 2 });
  worker.answer(worker.asked()[0] as string);
  assert.equal((await done).content['status'], 'ok');
  worker.say({ type: 'error', error: failure('drive'), fatal: false });
  assert.deepEqual(seen, ['stream', 'execute_reply', 'status', 'drive']);
  assert.deepEqual(new Set(logged), new Set(['a listener of the page failed: Error: in the page']));
  assert.equal(logged.length, 1 + 3 + 2 + 1);
});

test('a failing onLog, or none at all, leaves the console', async t => {
  const said = t.mock.method(console, 'error', () => undefined);
  const onLog = () => {
    throw new Error('in the log');
  };
  const { worker } = await start({ onLog });
  worker.say({ type: 'log', level: 'info', text: 'x' });
  assert.match(String(said.mock.calls[0]?.arguments[0]), /in the log/);
  const other = await start();
  other.kernel.onMessage(onLog);
  other.worker.answer('1');
  assert.match(String(said.mock.calls.at(-1)?.arguments[0]), /a listener of the page failed: Error: in the log/);
});

test('a start that is given up ends its worker at once; given up later it is none of the kernel\'s affair', async () => {
  const end = new AbortController();
  const starting = WorkerKernel.start({ manifest: 'm', runtime: 'http://host/site/', signal: end.signal });
  const worker = await beginning();
  end.abort();
  assert.equal(worker.terminated, true);
  await assert.rejects(starting, /disposed/);
  await assert.rejects(WorkerKernel.start({ manifest: 'm', runtime: 'http://host/site/', signal: end.signal }), /disposed/);
  assert.ok(FakeWorker.all.every(({ terminated }) => terminated));
  const late = new AbortController();
  const { worker: other } = await start({ signal: late.signal });
  late.abort();
  assert.equal(other.terminated, false);
});

test('a worker that dies while it starts ends the start', async () => {
  let grant: () => void = () => undefined;
  const locks = { request: async (_: string, __: object, gone: () => void) => void (grant = gone) };
  Object.defineProperty(globalThis, 'navigator', { value: { locks }, configurable: true });
  const starting = WorkerKernel.start({ manifest: 'm', runtime: 'http://host/site/' });
  const worker = await beginning();
  worker.say({ type: 'pulse' });
  grant();
  await assert.rejects(starting, /the worker has ended without a word/);
});

test('each worker is given its own memory; an answer typed for the one before is dropped', async () => {
  const logged: string[] = [];
  const { kernel, worker } = await start({ onLog: (_, text) => logged.push(text) });
  const sharedOf = ({ told }: FakeWorker) => told.find(envelope => envelope.type === 'start')?.shared;
  worker.say({
    type: 'message',
    message: {
      header: { msg_id: 'q', msg_type: 'input_request', session: 'k' },
      parent_header: {},
      metadata: {},
      content: {},
      channel: 'stdin',
    },
  });
  const restarting = kernel.restart();
  kernel.answerInput('too late');
  const next = await beginning();
  next.ready();
  await restarting;
  assert.notEqual(sharedOf(next)?.input, sharedOf(worker)?.input);
  assert.equal(new Int32Array(sharedOf(next)?.input as SharedArrayBuffer)[0], 0);
  assert.deepEqual(logged, ['an answer was dropped: the kernel does not wait for it (any more)']);
});

test('figures are those that were asked for, in their order', async () => {
  const { kernel, worker } = await start();
  const [first, second] = [kernel.figures(), kernel.figures()];
  worker.say({ type: 'figures', figures: { ...FIGURES, files: 1 } });
  worker.say({ type: 'figures', figures: { ...FIGURES, files: 2 } });
  assert.deepEqual([(await first).files, (await second).files], [1, 2]);
});

test('a worker that broke down or cannot be used is ended at once, with its memory', async () => {
  const { kernel, worker } = await start();
  worker.say({ type: 'error', error: failure('drive'), fatal: false });
  assert.equal(worker.terminated, false);
  worker.say({ type: 'error', error: failure('trapped'), fatal: true });
  assert.equal(worker.terminated, true);
  const restarting = kernel.restart();
  const next = await beginning();
  next.say({ type: 'error', error: failure('no memory'), fatal: true });
  await assert.rejects(restarting, /no memory/);
  assert.equal(next.terminated, true);
});

test('a start that fails for its page ends its worker, also when it is a restart', async () => {
  const { kernel } = await start();
  const post = FakeWorker.prototype.postMessage;
  FakeWorker.prototype.postMessage = ({ type }) => {
    if (type === 'start') {
      throw new DOMException('cannot be sent', 'DataCloneError');
    }
  };
  try {
    await assert.rejects(kernel.restart(), /cannot be sent/);
  } finally {
    FakeWorker.prototype.postMessage = post;
  }
  assert.equal(latest().terminated, true);
  await assert.rejects(kernel.execute('1'), /cannot be sent/);
});

test('what a worker says that was ended is nobody\'s', async () => {
  const { kernel, worker } = await start();
  const seen: string[] = [];
  kernel.onMessage(({ header }) => seen.push(header.msg_type));
  kernel.onError(({ message }) => seen.push(message));
  const restarting = kernel.restart();
  const next = await beginning();
  worker.answer('1');
  worker.say({ type: 'error', error: failure('trapped'), fatal: true });
  worker.ready();
  next.ready();
  await restarting;
  worker.say({ type: 'error', error: failure('late'), fatal: true });
  worker.dispatchEvent(new Event('error'));
  assert.deepEqual(seen, []);
  const figures = kernel.figures();
  worker.say({ type: 'figures', figures: FIGURES });
  next.say({ type: 'figures', figures: { ...FIGURES, files: 9 } });
  assert.equal((await figures).files, 9);
});

test('a worker that a restart ends is not missed', async () => {
  const watched: AbortSignal[] = [];
  const locks = { request: async (_: string, { signal }: { signal: AbortSignal }) => void watched.push(signal) };
  Object.defineProperty(globalThis, 'navigator', { value: { locks }, configurable: true });
  const { kernel, worker } = await start();
  worker.say({ type: 'pulse' });
  const restarting = kernel.restart();
  (await beginning()).ready();
  await restarting;
  latest().say({ type: 'pulse' });
  assert.deepEqual(watched.map(({ aborted }) => aborted), [true, false]);
  kernel.dispose();
  assert.deepEqual(watched.map(({ aborted }) => aborted), [true, true]);
});

/** A page without shared memory; `take` is what its service worker does with what it is told. */
function withoutSharedMemory(take: (told: unknown, port: MessagePort) => void): void {
  const active = { postMessage: (told: unknown, [port]: [MessagePort]) => take(told, port) };
  const serviceWorker = { register: async () => ({ scope: 'http://host/site/', active }) };
  const replaced = { SharedArrayBuffer: undefined, navigator: { serviceWorker }, crossOriginIsolated: false };
  for (const [name, value] of Object.entries(replaced)) {
    before.set(name, before.get(name) ?? Object.getOwnPropertyDescriptor(globalThis, name));
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
}

test('a worker is told of the ways back once it runs and the service worker is in charge of it', async t => {
  const asked: unknown[] = [];
  let inCharge = () => undefined as void;
  withoutSharedMemory((told, port) => {
    asked.push(told);
    inCharge = () => port.postMessage(null);
  });
  const starting = WorkerKernel.start({ manifest: 'm', runtime: 'http://host/site/', serviceWorker: 'sw.js' });
  await turns();
  const worker = latest();
  assert.deepEqual(asked, []);
  worker.ready();
  t.after(async () => (await starting).dispose());
  await turns();
  assert.deepEqual([asked, worker.told.map(({ type }) => type)], [[CLAIM], ['start']]);
  inCharge();
  await settled();
  assert.deepEqual(worker.told.map(({ type }) => type), ['start', 'link']);
});

test('an answer is kept for the service worker that carries it until its cell is over', async t => {
  withoutSharedMemory((_, port) => port.postMessage(null));
  const { kernel, worker } = await start({ serviceWorker: 'sw.js' });
  const channel = new BroadcastChannel('/sw-api.v1');
  t.after(() => (channel.close(), kernel.dispose()));
  await settled();
  const link = worker.told.find(told => told.type === 'link');
  const browsingContextId = link?.type === 'link' ? link.stdin?.browsingContextId : undefined;
  const answers: unknown[] = [];
  channel.onmessage = event => answers.push((event as MessageEvent).data.response?.content.value);
  const ask = async (requestId: string) => {
    channel.postMessage({ data: { question: 'q' }, browsingContextId, requestId, pathname: '/site/api/stdin/kernel' });
    await new Promise(resolve => setTimeout(resolve, 30));
  };
  const say = (msg_id: string, msg_type: string, content: Record<string, unknown>) => {
    const header = { msg_id, msg_type, session: 'k' };
    const message = { header, parent_header: { msg_id: '1' }, metadata: {}, content, channel: 'iopub' };
    worker.say({ type: 'message', message });
  };
  say('q', 'input_request', { prompt: '' });
  await ask('r1');
  kernel.answerInput('typed');
  await ask('r2');
  assert.deepEqual(answers, ['typed', 'typed']);
  say('i', 'status', { execution_state: 'idle' });
  await ask('r3');
  assert.deepEqual(answers, ['typed', 'typed']);
});
