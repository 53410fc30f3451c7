/** A kernel as JupyterLite sees it: there at once, and never silent. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Kernel } from '../src/embed/api';
import { BootError, type Failure } from '../src/errors';
import { answersTo } from '../src/jupyterlite/answers';
import type { SignalClass } from '../src/jupyterlite/host-types';
import { LiteKernel, type KernelHost, type Reached } from '../src/jupyterlite/kernel';
import type { StartOptions } from '../src/jupyterlite/starter';
import { newMessage } from '../src/message';
import type { JupyterMessage } from '../src/protocol';

const PLAN = {
  name: 'toy',
  display_name: 'Toy',
  language: 'python',
  env: 'demo',
  kernel: 'toy',
  manifest: 'api/packs/demo/manifest.json',
  worker: 'classic',
  bytes: 5_000_000,
  logos: {},
} as const;
const FAILURE: Failure = { name: 'FileMissing', message: '"a.wasm" is not on the server (404)', file: 'a.wasm', hint: 'deploy it' };

class FakeSignal {
  private readonly slots: ((sender: unknown, args: unknown) => void)[] = [];
  constructor(private readonly sender: unknown) {}
  static clearData(): void {}
  connect(slot: (sender: unknown, args: unknown) => void): boolean {
    return this.slots.push(slot) > 0;
  }
  disconnect(): boolean {
    return false;
  }
  emit(args: unknown): void {
    this.slots.forEach(slot => slot(this.sender, args));
  }
}

/** A kernel of the runtime that only takes notes. */
class FakeRuntimeKernel {
  readonly sent: JupyterMessage[] = [];
  readonly answers: JupyterMessage[] = [];
  disposed = false;
  canInput = true;
  interrupts = 0;
  canInterrupt = true;
  ended: Error | null = null;
  say: (message: JupyterMessage) => void = () => undefined;
  fail: (failure: Failure, fatal: boolean) => void = () => undefined;
  send(message: JupyterMessage): void {
    if (this.ended) {
      throw this.ended;
    }
    this.sent.push(message);
  }
  answerInput(reply: JupyterMessage): void {
    this.answers.push(reply);
  }
  onMessage(listener: (message: JupyterMessage) => void): void {
    this.say = listener;
  }
  onError(listener: (failure: Failure, fatal: boolean) => void): void {
    this.fail = listener;
  }
  interrupt(): void {
    this.interrupts += 1;
  }
  dispose(): void {
    this.disposed = true;
  }
}

interface Given {
  readonly trouble?: string | null;
  readonly hasStatusBar?: boolean;
  /** Whether there is a drive, of which every start fails. */
  readonly drives?: boolean;
}

function setUp({ trouble = null, hasStatusBar = true, drives = false }: Given = {}) {
  const runtime = new FakeRuntimeKernel();
  let begin: (kernel: Kernel) => void = () => undefined;
  let refuse: (error: unknown) => void = () => undefined;
  const starting = new Promise<Kernel>((resolve, reject) => {
    [begin, refuse] = [resolve, reject];
  });
  const told: string[] = [];
  let options: StartOptions | null = null;
  const drive = drives ? ({ kind: 'browser' } as const) : null;
  const reached: Reached = { drive, cwd: 'folder', trouble };
  const host: KernelHost = {
    Signal: FakeSignal as unknown as SignalClass,
    reach: () => Promise.resolve(reached),
    start: (_name, given) => {
      options = given;
      return given.drive ? Promise.reject(new BootError('DriveFailed', '/drive refused')) : starting;
    },
    feedback: {
      hasStatusBar,
      began: () => told.push('began'),
      progress: (_kernel, text) => told.push(text),
      ended: () => told.push('ended'),
      failed: (_kernel, { name }, isSaid) => told.push(`failed ${name} ${isSaid}`),
      log: (_kernel, level, text) => told.push(`${level}: ${text}`),
    },
    forget: () => told.push('forgotten'),
  };
  const said: JupyterMessage[] = [];
  const kernel = new LiteKernel(PLAN, { id: '1', name: 'toy', location: 'folder', sendMessage: message => said.push(message) }, host);
  return {
    kernel,
    runtime,
    told,
    said,
    types: () => said.map(({ header, content }) => String(content['execution_state'] ?? header.msg_type)),
    get options() {
      return options as unknown as StartOptions;
    },
    begin: async () => {
      begin(runtime as unknown as Kernel);
      await settled();
    },
    refuse: async (error: unknown) => {
      refuse(error);
      await settled();
    },
  };
}

const settled = () => new Promise(resolve => setImmediate(resolve));
const request = (type: string, content: Record<string, unknown> = {}, session = 'client') =>
  newMessage(session, type, content, 'shell');

test('what comes before the kernel is there waits, in its order', async () => {
  const { kernel, runtime, begin, types } = setUp();
  const messages = [request('kernel_info_request'), request('execute_request'), request('comm_open')];
  for (const message of messages) {
    await kernel.handleMessage(message);
  }
  assert.deepEqual(types(), ['starting', 'starting', 'starting']);
  await begin();
  assert.deepEqual(runtime.sent, messages);
  await kernel.handleMessage(request('comm_msg'));
  assert.equal(runtime.sent.length, 4);
});

test('a message is taken at once, however long the kernel works on it', async () => {
  const { kernel, begin } = setUp();
  await begin();
  await kernel.handleMessage(request('execute_request')); // Nobody answers, and this returns.
});

test('every request is answered with the reason when the start fails, before it and after', async () => {
  const { kernel, refuse, said, told } = setUp();
  const cell = request('execute_request');
  await kernel.handleMessage(cell);
  await settled();
  said.length = 0;
  await refuse(new BootError('FileMissing', FAILURE.message, { file: 'a.wasm', hint: 'deploy it' }));
  assert.deepEqual(said, sameAs(answersTo(cell, FAILURE, 'python'), said));
  assert.ok(told.includes('failed FileMissing true'));
  said.length = 0;
  await kernel.handleMessage(request('complete_request'));
  assert.equal(said.find(({ header }) => header.msg_type === 'complete_reply')?.content['ename'], 'FileMissing');
});

/** The same messages with the ids and dates that they got. */
function sameAs(expected: readonly JupyterMessage[], found: readonly JupyterMessage[]): JupyterMessage[] {
  return expected.map((message, at) => {
    const header = found[at]?.header;
    return { ...message, header: { ...message.header, msg_id: header?.msg_id ?? '', date: header?.['date'] } };
  });
}

test('a failure that no cell shows is told otherwise', async () => {
  const { kernel, refuse, told } = setUp();
  await kernel.handleMessage(request('kernel_info_request'));
  await refuse({ failure: FAILURE });
  assert.ok(told.includes('failed FileMissing false'));
});

test('a kernel that breaks down answers what is under way and what comes', async () => {
  const { kernel, runtime, begin, said, told } = setUp();
  await begin();
  const cell = request('execute_request');
  await kernel.handleMessage(cell);
  runtime.fail({ ...FAILURE, name: 'KernelFailed' }, true);
  assert.ok(said.some(({ header, parent_header }) => header.msg_type === 'execute_reply' && parent_header['msg_id'] === cell.header.msg_id));
  assert.ok(told.includes('failed KernelFailed true'));
  said.length = 0;
  await kernel.handleMessage(request('execute_request'));
  assert.deepEqual(said.map(({ header }) => header.msg_type), ['status', 'error', 'execute_reply', 'status']);
});

test('a kernel that has ended without a word yet answers all the same', async () => {
  const { kernel, runtime, begin, said } = setUp();
  await begin();
  runtime.ended = Object.assign(new Error('gone'), { failure: { ...FAILURE, name: 'KernelFailed' } });
  await kernel.handleMessage(request('execute_request'));
  assert.equal(said.filter(({ header }) => header.msg_type === 'execute_reply').length, 1);
});

test('trouble that the kernel outlives is said in the cell that runs', async () => {
  const { kernel, runtime, begin, said } = setUp();
  await begin();
  await kernel.handleMessage(request('execute_request'));
  runtime.fail(FAILURE, false);
  const [stream] = said.filter(({ header }) => header.msg_type === 'stream');
  assert.equal(stream?.content['name'], 'stderr');
  assert.match(String(stream?.content['text']), /FileMissing: .*a\.wasm.*\nwhat to do: deploy it\n/);
  assert.ok(!said.some(({ header }) => header.msg_type === 'execute_reply'));
});

test('a reply goes to the client that has asked, and what answers nobody to the last one', async () => {
  const { kernel, runtime, begin, said } = setUp();
  await begin();
  const first = request('execute_request', {}, 'one');
  await kernel.handleMessage(first);
  await kernel.handleMessage(request('execute_request', {}, 'two'));
  runtime.say(newMessage('kernel', 'execute_reply', {}, 'shell', first.header));
  runtime.say(newMessage('kernel', 'comm_msg', {}, 'iopub'));
  assert.deepEqual(said.map(({ header }) => header.session), ['one', 'two']);
});

test('what the application needs to send a message is there, whatever the kernel says', async () => {
  const { kernel, runtime, begin, said } = setUp();
  await begin();
  await kernel.handleMessage(request('execute_request'));
  const bare = newMessage('kernel', 'stream', {}, 'iopub') as unknown as Record<string, unknown>;
  delete bare['metadata'];
  delete bare['buffers'];
  runtime.say(bare as unknown as JupyterMessage);
  assert.deepEqual([said.at(-1)?.metadata, said.at(-1)?.buffers], [{}, []]);
});

test('an answer to input() passes by the queue', async () => {
  const { kernel, runtime, begin } = setUp();
  await begin();
  await kernel.handleMessage(newMessage('client', 'input_reply', { value: 'x' }, 'stdin'));
  assert.equal(runtime.answers.length, 1);
  assert.equal(runtime.sent.length, 0);
});

test('a kernel that is ended while it starts ends its start, and is told of no more', async () => {
  const { kernel, runtime, begin, said, told } = setUp();
  await settled();
  await kernel.handleMessage(request('execute_request'));
  said.length = 0;
  let disposed = 0;
  kernel.disposed.connect(() => (disposed += 1));
  kernel.dispose();
  kernel.dispose();
  assert.equal(disposed, 1);
  assert.ok(told.includes('forgotten'));
  await begin();
  assert.ok(runtime.disposed);
  assert.deepEqual(said, []);
});

test('a start is given up by its signal', async () => {
  const found = setUp();
  await settled();
  assert.equal(found.options.signal?.aborted, false);
  found.kernel.dispose();
  assert.equal(found.options.signal?.aborted, true);
});

test('what is not as it should be is said in the first cell, once', async () => {
  const { kernel, begin, said } = setUp({ trouble: 'no /drive' });
  await kernel.handleMessage(request('execute_request', { silent: true }));
  await kernel.handleMessage(request('execute_request'));
  await begin();
  await kernel.handleMessage(request('execute_request'));
  const streams = said.filter(({ header }) => header.msg_type === 'stream');
  assert.deepEqual(streams.map(({ content }) => content['text']), ['no /drive\n']);
});

test('a drive that refuses is said in the first cell of a kernel without it', async () => {
  const { kernel, begin, said, runtime } = setUp({ drives: true });
  await kernel.handleMessage(request('execute_request'));
  await begin();
  const [stream] = said.filter(({ header }) => header.msg_type === 'stream');
  assert.match(String(stream?.content['text']), /no \/drive\nDriveFailed: \/drive refused/);
  assert.equal(runtime.sent.length, 1);
});

test('without a status bar a long start is shown in the cell that waits, and leaves nothing there', async t => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
  const found = setUp({ hasStatusBar: false });
  await found.kernel.handleMessage(request('execute_request'));
  await settled();
  const step = (loaded: number) => found.options.onProgress?.({ phase: 'archive', file: 'a', loaded, total: 0 });
  step(1_000_000);
  t.mock.timers.tick(900);
  step(2_000_000);
  step(2_100_000);
  t.mock.timers.tick(300);
  step(3_000_000);
  await found.begin();
  const shown = found.said.filter(({ header }) => /display|clear/.test(header.msg_type));
  assert.deepEqual(shown.map(({ header }) => header.msg_type), ['display_data', 'update_display_data', 'clear_output']);
  const data = shown[1]?.content['data'] as Record<string, string>;
  assert.equal(data['text/plain'], 'Toy is loaded: 3.0 of 5.0 MB');
  assert.ok(found.told.includes('Toy is loaded: 1.0 of 5.0 MB'));
});

test('a front end that connects to a kernel that failed is answered, so that it can show cells', () => {
  const answers = answersTo(request('kernel_info_request'), FAILURE, 'python');
  const [reply] = answers.filter(({ header }) => header.msg_type === 'kernel_info_reply');
  assert.equal(reply?.content['status'], 'ok');
  assert.equal((reply?.content['language_info'] as Record<string, unknown>)['mimetype'], 'text/x-python');
});

for (const type of ['execute', 'complete', 'inspect', 'history', 'is_complete', 'comm_info', 'shutdown', 'debug', 'interrupt']) {
  test(`a ${type}_request to a kernel that failed has a reply, and then it is idle`, () => {
    const asked = { ...request(`${type}_request`), channel: type === 'debug' ? 'control' : 'shell' };
    const answers = answersTo(asked, FAILURE, 'python');
    const [reply] = answers.filter(({ header }) => header.msg_type === `${type}_reply`);
    assert.equal(reply?.channel, asked.channel);
    assert.equal(reply?.header.session, 'client');
    assert.equal(answers.at(-1)?.content['execution_state'], 'idle');
    assert.ok(answers.every(({ parent_header }) => parent_header['msg_id'] === asked.header.msg_id));
  });
}

test('a cell may not ask where nothing carries the answer, and what a start came to is logged', async () => {
  const { kernel, runtime, told, begin } = setUp();
  await begin();
  assert.ok(told.some(text => /^info: .* has started: 0\.0 MB in /.test(text)));
  const cell = request('execute_request', { code: '1', allow_stdin: true });
  await kernel.handleMessage(cell);
  runtime.canInput = false;
  await kernel.handleMessage(cell);
  assert.deepEqual(runtime.sent.map(({ content }) => content['allow_stdin']), [true, false]);
});
