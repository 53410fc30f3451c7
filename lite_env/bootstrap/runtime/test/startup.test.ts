/** Start-up code: what runs between the start of a kernel and the first cell of its user. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linesOf, summaryOf } from '../src/jupyterlite/answers';
import { StartProgress } from '../src/jupyterlite/progress';
import { INPUT_BYTES } from '../src/kernel/input';
import { INTERRUPT_BYTES } from '../src/kernel/interrupt';
import { newMessage } from '../src/message';
import { parseManifest } from '../src/pack/manifest';
import { advance, NOTHING, phaseText } from '../src/page/progress';
import type { JupyterMessage, ToWorker } from '../src/protocol';
import { Session } from '../src/session';
import { generation4, install, withoutFileSystem, type FakeKernel } from './support/xeus/kernels';
import { failure, makePack, MemoryTransport, Recorder, utf8, type PackParts } from './support/pack';

const FILE = 'share/jupyter/kernels/xtest/startup.txt';
const PYTHON = {
  archives: [{ 'lib/python3.13/os.py': 'import abc' }, { [FILE]: 'import numpy\nx = 1' }],
  shared: { 'libxeus.so': 'library' },
  python: '3.13.1',
  language: 'python',
};
const LUA = { archives: [{ [FILE]: 'x = 1 -- ü' }] };

const cell = (id: string, content: JupyterMessage['content'] = { code: '1' }): JupyterMessage => ({
  ...newMessage('s', 'execute_request', content, 'shell'),
  header: { msg_id: id, msg_type: 'execute_request', session: 's' },
});

function open(kernel: FakeKernel, parts: PackParts) {
  const globals: Record<string, any> = {};
  const recorder = new Recorder();
  const transport = new MemoryTransport(makePack({ startup: FILE, ...parts, script: install(kernel) }));
  const session = new Session(globals as never, {
    emit: recorder.emit,
    transport: () => transport,
    locate: (manifest, path) => `${manifest}/${path}`,
    installer: async () => ({ run: async ({ code }) => code }),
  });
  const asked: JupyterMessage[] = [];
  const say = (to: JupyterMessage, type: string, content: JupyterMessage['content'], channel = 'iopub') =>
    globals['postMessage'](newMessage('kernel', type, content, channel, to.header));
  /** What the kernel does with a cell before it replies with `reply`. */
  const answers = (does: (cell: JupyterMessage) => JupyterMessage['content'] | null) => {
    kernel.onMessage = message => {
      asked.push(message);
      say(message, 'status', { execution_state: 'busy' });
      const reply = does(message);
      if (reply) {
        say(message, 'execute_reply', reply, 'shell');
      }
      say(message, 'status', { execution_state: 'idle' });
    };
  };
  const start = async (envelope: Partial<Extract<ToWorker, { type: 'start' }>> = {}): Promise<void> => {
    const shared = { interrupt: new SharedArrayBuffer(INTERRUPT_BYTES), input: new SharedArrayBuffer(INPUT_BYTES) };
    session.receive({ type: 'start', manifest: 'm', shared, ...envelope });
    await Promise.race([recorder.next('ready'), recorder.next('error')]);
  };
  const send = async (message: JupyterMessage): Promise<JupyterMessage[]> => {
    const before = recorder.of('message').length;
    session.receive({ type: 'message', message });
    session.receive({ type: 'figures' });
    const count = recorder.of('figures').length;
    while (recorder.of('figures').length === count) {
      await new Promise(resolve => setTimeout(resolve, 1));
    }
    return recorder.of('message').slice(before).map(({ message }) => message);
  };
  return { kernel, globals, recorder, session, asked, say, answers, start, send };
}

const OK = { status: 'ok', execution_count: 0 };

test('it runs once, silently, before the kernel is ready and before what was sent meanwhile', async () => {
  const it = open(withoutFileSystem(), LUA);
  const readyAt: number[] = [];
  it.answers(() => {
    readyAt.push(it.recorder.of('ready').length);
    return OK;
  });
  it.session.receive({ type: 'start', manifest: 'm' });
  it.session.receive({ type: 'message', message: cell('early', { code: 'early' }) });
  await it.recorder.next('ready');
  await it.send(cell('later'));
  assert.deepEqual(
    it.asked.map(({ content }) => content['code']),
    ['x = 1 -- ü', 'early', '1']
  );
  const { silent, store_history, allow_stdin } = it.asked[0]?.content ?? {};
  assert.deepEqual({ silent, store_history, allow_stdin }, { silent: true, store_history: false, allow_stdin: false });
  assert.deepEqual(readyAt, [0, 1, 1]);
  const phases = it.recorder.of('progress').map(({ phase, file }) => `${phase} ${file}`);
  assert.equal(phases.at(-1), `startup ${FILE}`);
});

test('Python runs the file as one of its own, and opens it', async () => {
  const it = open(generation4(), PYTHON);
  it.answers(() => OK);
  await it.start({ trace: true });
  assert.equal(it.recorder.of('error').length, 0);
  const code = String(it.asked[0]?.content['code']);
  assert.ok(code.endsWith(`_lite_env_run("/${FILE}")\n`), code);
  it.session.receive({ type: 'trace' });
  const { files, interpreter } = await it.recorder.next('trace');
  assert.deepEqual([files, interpreter], [['lib/python3.13/os.py', FILE], 1]);
});

test('a kernel without a file system is traced as well', async () => {
  const it = open(withoutFileSystem(), LUA);
  it.answers(() => OK);
  await it.start({ trace: true });
  it.session.receive({ type: 'trace' });
  assert.deepEqual((await it.recorder.next('trace')).files, [FILE]);
});

test('what it puts out is said in the first cell that shows anything, once', async () => {
  const it = open(withoutFileSystem(), LUA);
  it.answers(request => {
    if (it.asked.length === 1) {
      it.say(request, 'execute_input', { code: '', execution_count: 0 });
      it.say(request, 'stream', { name: 'stdout', text: 'hello\n' });
      it.say(request, 'display_data', { data: { 'text/plain': 'shown' }, metadata: {} });
    }
    return OK;
  });
  await it.start();
  assert.deepEqual(it.recorder.of('message'), []);
  const types = (messages: readonly JupyterMessage[]) => messages.map(({ header }) => header.msg_type);
  const own = ['status', 'execute_reply', 'status'];
  assert.deepEqual(types(await it.send(cell('silent', { code: '', silent: true }))), own);
  assert.deepEqual(types(await it.send({ ...cell('info'), header: { msg_id: 'i', msg_type: 'kernel_info_request', session: 's' } })), own);
  const told = await it.send(cell('1'));
  assert.deepEqual(types(told), ['stream', 'display_data', ...own]);
  assert.ok(told.every(({ parent_header }) => parent_header['msg_id'] === '1'));
  assert.deepEqual(told[0]?.content, { name: 'stdout', text: 'hello\n' });
  assert.deepEqual(types(await it.send(cell('2'))), own);
});

test('what the kernel says late of it is no message of somebody unknown', async () => {
  const it = open(withoutFileSystem(), LUA);
  it.answers(() => OK);
  await it.start();
  const startup = it.asked[0] as JupyterMessage;
  it.say(startup, 'status', { execution_state: 'idle' });
  it.say(startup, 'stream', { name: 'stdout', text: 'late' });
  assert.deepEqual(it.recorder.of('message'), []);
  const [first] = await it.send(cell('1'));
  assert.deepEqual(first?.content, { name: 'stdout', text: 'late' });
});

test('where it fails the start does, with its traceback, and nobody is answered', async () => {
  const it = open(generation4(), PYTHON);
  const error = { ename: 'NameError', evalue: 'no x', traceback: ['\x1b[0;31mNameError\x1b[0m: no x\n  File "a"'] };
  it.answers(request => {
    it.say(request, 'stream', { name: 'stdout', text: 'be' });
    it.say(request, 'stream', { name: 'stdout', text: 'fore\n' });
    it.say(request, 'error', error);
    return { status: 'error', ...error };
  });
  await it.start();
  const [failed] = it.recorder.of('error');
  assert.equal(failed?.fatal, true);
  assert.deepEqual(failed?.error, {
    name: 'StartupFailed',
    message: 'the start-up code of the kernel "xtest" failed: NameError: no x',
    file: FILE,
    hint: 'mend the file in the package that brings the kernel, and pack the environment again',
    traceback: ['NameError: no x', '  File "a"'],
  });
  assert.ok(it.recorder.of('log').some(({ text }) => text === 'before'));
  assert.equal(it.recorder.of('ready').length, 0);
  it.session.receive({ type: 'message', message: cell('1') });
  await new Promise(resolve => setTimeout(resolve, 20));
  assert.equal(it.asked.length, 1);
  assert.deepEqual(it.recorder.of('message'), []);
});

test('a reply alone tells that it failed, and so does none', async () => {
  for (const [reply, words] of [
    [{ status: 'error', ename: 'E', evalue: 'v', traceback: 'one text' }, 'failed: E: v'],
    [null, 'failed: the kernel did not answer'],
  ] as const) {
    const it = open(withoutFileSystem(), LUA);
    it.answers(() => reply);
    await it.start();
    const [failed] = it.recorder.of('error');
    assert.ok(failed?.error.message.endsWith(words), failed?.error.message);
    assert.deepEqual(failed?.error.traceback, reply ? ['one text'] : undefined);
  }
});

test('a kernel that breaks down over it is no kernel', async () => {
  const it = open(withoutFileSystem(), LUA);
  it.kernel.onMessage = () => {
    throw new WebAssembly.RuntimeError('unreachable');
  };
  await it.start();
  const [failed] = it.recorder.of('error');
  assert.deepEqual([failed?.fatal, failed?.error.name, failed?.error.file], [true, 'StartupFailed', FILE]);
  assert.match(failed?.error.message ?? '', /unreachable/);
});

test('a question ends it: nobody is there to answer', async () => {
  const it = open(withoutFileSystem(), LUA);
  it.answers(request => {
    it.say(request, 'input_request', { prompt: '? ', password: false }, 'stdin');
    it.globals['get_stdin']();
    return OK;
  });
  await it.start();
  const [failed] = it.recorder.of('error');
  assert.match(failed?.error.message ?? '', /asks for input, which nobody can give before the first cell$/);
  assert.deepEqual(it.recorder.of('message'), []);
});

test('questions of the first cell are asked as ever', async () => {
  const it = open(withoutFileSystem(), LUA);
  it.answers(() => OK);
  await it.start({ shared: null });
  const questions = it.recorder.of('error').length;
  it.answers(request => {
    it.say(request, 'input_request', { prompt: '? ', password: false }, 'stdin');
    it.globals['get_stdin']();
    return OK;
  });
  await it.send(cell('1'));
  assert.equal(questions, 0);
  assert.deepEqual(it.recorder.of('error').map(({ error }) => error.name), ['InputUnavailable']);
});

test('who does not want it gets a kernel without', async () => {
  const it = open(withoutFileSystem(), LUA);
  it.answers(() => OK);
  await it.start({ startup: false });
  assert.equal(it.recorder.of('ready').length, 1);
  assert.deepEqual(it.asked, []);
});

test('a pack without the file, or with a folder in its place, ends the start', async () => {
  const missing = open(withoutFileSystem(), { archives: [{ other: 'x' }] });
  await missing.start();
  assert.deepEqual(missing.recorder.of('error').map(({ error }) => [error.name, error.file]), [['ManifestInvalid', FILE]]);
  const folder = open(withoutFileSystem(), { archives: [{ [`${FILE}/x`]: 'x' }] });
  await folder.start();
  assert.deepEqual(folder.recorder.of('error').map(({ error }) => error.name), ['ManifestInvalid']);
});

test('a manifest names a file of the environment, or none', () => {
  const read = (parts: PackParts) => parseManifest(utf8(JSON.stringify(makePack(parts).manifest))).kernels[0]?.startup;
  assert.equal(read({ startup: FILE }), FILE);
  assert.equal(read({}), null);
  for (const startup of ['../startup.txt', '/startup.txt', 'a//b']) {
    assert.throws(() => read({ startup }), failure('ManifestInvalid', /kernels\[0\]\.startup/, 'manifest.json'));
  }
});

test('pages say that it runs, and of its failure a notebook has the traceback and a dialog has not', () => {
  const step = { phase: 'startup', file: FILE, loaded: 0, total: 0 } as const;
  const shown = advance(NOTHING, step);
  assert.deepEqual([phaseText(shown.phase), shown.files], ['running the start-up code', []]);
  assert.equal(new StartProgress('Lab', 5e6).take(step), 'Lab runs its start-up code');
  const failed = { name: 'StartupFailed', message: 'm', file: FILE, hint: 'h', traceback: ['at 1', 'at 2'] } as const;
  assert.deepEqual(linesOf(failed), ['StartupFailed: m', 'at 1', 'at 2', `file: ${FILE}`, 'what to do: h']);
  assert.deepEqual(summaryOf(failed), ['StartupFailed: m', `file: ${FILE}`, 'what to do: h']);
});
