import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BootError } from '../src/errors';
import { Relay } from '../src/host/channels';
import { answerInput, INPUT_BYTES } from '../src/kernel/input';
import { INTERRUPT_BYTES, requestInterrupt, signalBuffer } from '../src/kernel/interrupt';
import type { ModuleOptions } from '../src/family/xeus/emscripten';
import type { JupyterMessage, SharedChannels, ToWorker } from '../src/protocol';
import { Session } from '../src/session';
import type { InstallCell } from '../src/session/install';
import { unsent } from './support/network';
import { generation4, install, withMemory, withoutFileSystem, type FakeKernel } from './support/xeus/kernels';
import { makePack, MemoryTransport, Recorder, type MemoryPack, type PackParts } from './support/pack';

const request = (id: string, type = 'execute_request'): JupyterMessage => ({
  header: { msg_id: id, msg_type: type, session: 's' },
  parent_header: {},
  metadata: {},
  content: {},
  channel: 'shell',
});
const reply = (parent: JupyterMessage, type = 'execute_reply') => ({
  ...request(`${parent.header.msg_id}!`, type),
  parent_header: parent.header,
  content: { status: 'ok' },
});

/** What the fake interpreter of `generation4` reads at its start. */
const PYTHON = {
  archives: [{ 'lib/python3.13/os.py': 'import abc' }],
  shared: { 'libxeus.so': 'library' },
  python: '3.13.1',
};

function open(
  kernel: FakeKernel = withoutFileSystem(),
  parts: PackParts = {},
  change: (pack: MemoryPack) => void = () => undefined,
  installing: (cell: InstallCell) => Promise<string> = async cell => cell.code
) {
  const globals: Record<string, any> = {};
  const recorder = new Recorder();
  const pack = makePack({ ...parts, script: install(kernel) });
  change(pack);
  const transport = new MemoryTransport(pack);
  const session = new Session(globals as never, {
    emit: recorder.emit,
    transport: () => transport,
    locate: (manifest, path) => `${manifest}/${path}`,
    installer: async () => ({ run: cell => installing({ ...cell, start: () => assert.fail('no worker is wanted') }) }),
  });
  const shared = { interrupt: new SharedArrayBuffer(INTERRUPT_BYTES), input: new SharedArrayBuffer(INPUT_BYTES) };
  const start = async (): Promise<void> => {
    session.receive({ type: 'start', manifest: 'm', shared });
    await Promise.race([recorder.next('ready'), recorder.next('error')]);
  };
  const send = (message: JupyterMessage, number = Infinity) => session.receive({ type: 'message', message, number });
  /** When everything that was sent has been handled. */
  const settled = async () => {
    const asked = recorder.of('figures').length;
    session.receive({ type: 'figures' });
    for (let turn = 0; turn < 5000 && recorder.of('figures').length === asked; turn += 1) {
      await new Promise(resolve => setTimeout(resolve, 1));
    }
  };
  return { kernel, globals, recorder, transport, session, shared, start, send, settled };
}

/** A kernel that goes on with a cell after it has returned, and ends it `ms` milliseconds later; the order of both. */
function answersAfter(ms: number, kernel: FakeKernel, globals: Record<string, any>): string[] {
  const order: string[] = [];
  kernel.onMessage = message => {
    order.push(`begin ${message.header.msg_id}`);
    setTimeout(() => {
      order.push(`end ${message.header.msg_id}`);
      globals['postMessage'](reply(message));
      globals['postMessage'](idle(message));
    }, ms);
  };
  return order;
}

test('ready tells the kernel and the figures; then messages go both ways', async () => {
  const { kernel, globals, recorder, start, send, settled } = open();
  kernel.onMessage = message => globals['postMessage'](reply(message));
  await start();
  const [ready] = recorder.of('ready');
  assert.equal(ready?.kernel, 'xtest');
  assert.ok((ready?.figures.requests ?? 0) >= 4);
  send(request('1'));
  await settled();
  assert.deepEqual(
    recorder.of('message').map(({ message }) => message),
    [reply(request('1'))]
  );
});

test('messages before ready wait for it', async () => {
  const { kernel, globals, recorder, session, send, settled } = open();
  kernel.onMessage = message => globals['postMessage'](reply(message));
  session.receive({ type: 'start', manifest: 'm' });
  send(request('early'));
  await settled();
  assert.deepEqual(
    recorder.envelopes.map(({ type }) => type).filter(type => type !== 'progress'),
    ['ready', 'message', 'figures']
  );
});

test('files are fetched while the page looks for its drive; the interpreter waits for it', async () => {
  const { kernel, globals, recorder, transport, session } = open();
  kernel.onMessage = message => globals['postMessage'](reply(message));
  session.receive({ type: 'start', manifest: 'm', awaitsDrive: true });
  for (let turn = 0; turn < 20; turn += 1) {
    await new Promise(resolve => setTimeout(resolve, 1));
  }
  assert.ok(transport.asked.length >= 4);
  assert.equal(recorder.of('ready').length, 0);
  assert.ok(!recorder.of('progress').some(({ phase }) => phase === 'interpreter'));
  session.receive({ type: 'link', drive: null, stdin: null });
  await recorder.next('ready');
});

test('what is loaded ahead waits for what was asked for', async () => {
  const archives = [{ a: 'x' }, { b: 'y' }];
  const { kernel, globals, transport, session, send, settled } = open(withoutFileSystem(), { archives, load: 'demand' });
  const counts: number[] = [];
  kernel.onMessage = message => {
    counts.push(transport.asked.length);
    globals['postMessage'](reply(message));
  };
  session.receive({ type: 'start', manifest: 'm', prefetch: 'all' });
  send(request('early'));
  await settled();
  await new Promise(resolve => setTimeout(resolve, 30));
  assert.deepEqual(counts, [transport.asked.length - archives.length]);
});

test('what the kernel posts and is no message stays inside', async () => {
  const { kernel, globals, recorder, start, send, settled } = open();
  kernel.onMessage = message => {
    globals['postMessage']('text');
    globals['postMessage'](null);
    globals['postMessage']({ OPEN_TAB: { url: 'x' } });
    globals['postMessage'](reply(message));
  };
  await start();
  send(request('1'));
  await settled();
  assert.equal(recorder.of('message').length, 1);
});

test('a cell with a top-level await ends before the next begins', async () => {
  const { kernel, globals, start, send, settled } = open();
  const order: string[] = [];
  let deleted = 0;
  kernel.onMessage = message => {
    const { msg_id } = message.header;
    order.push(`begin ${msg_id}`);
    if (msg_id === 'slow') {
      globals['toplevel_promise_py_proxy'] = { delete: () => (deleted += 1) };
      globals['toplevel_promise'] = new Promise<void>(resolve =>
        setTimeout(() => {
          order.push('end slow');
          globals['postMessage'](reply(message));
          resolve();
        }, 20)
      );
    } else {
      globals['postMessage'](reply(message));
    }
  };
  await start();
  send(request('slow'));
  send(request('next'));
  await settled();
  assert.deepEqual(order, ['begin slow', 'end slow', 'begin next']);
  assert.equal(deleted, 1);
  assert.equal(globals['toplevel_promise'], null);
  assert.equal(globals['toplevel_promise_py_proxy'], null);
});

const idle = (parent: JupyterMessage): JupyterMessage => ({
  ...reply(parent, 'status'),
  channel: 'iopub',
  content: { execution_state: 'idle' },
});
/** What was said of a request: types, and the status of a reply. */
const saidOf = (recorder: Recorder, id: string) =>
  recorder
    .of('message')
    .filter(({ message }) => message.parent_header['msg_id'] === id)
    .map(({ message: { header, content } }) => String(content['status'] ?? content['execution_state'] ?? header.msg_type));

test('a request that the kernel drops when it is interrupted is answered, once, and only an execute_request', async () => {
  const { kernel, shared, recorder, start, send, settled } = open(listening());
  kernel.onMessage = () => requestInterrupt(shared.interrupt, 1);
  await start();
  send(request('dropped'));
  send(request('info', 'kernel_info_request'));
  await settled();
  const [{ message } = { message: request('') }, { message: last } = { message: request('') }, ...more] =
    recorder.of('message');
  assert.equal(more.length, 0);
  assert.equal(message.header.msg_type, 'execute_reply');
  assert.equal(message.parent_header['msg_id'], 'dropped');
  assert.equal(message.channel, 'shell');
  assert.equal(message.content['status'], 'error');
  assert.equal(message.content['ename'], 'KeyboardInterrupt');
  assert.deepEqual(last.content, { execution_state: 'idle' });
});

test('a cell that goes on after it has returned is waited for, interrupted or not', async () => {
  const { kernel, globals, shared, recorder, start, send, settled } = open(listening());
  const order = answersAfter(1200, kernel, globals);
  await start();
  send(request('1'));
  send(request('2'));
  setTimeout(() => requestInterrupt(shared.interrupt, 2), 50);
  await settled();
  assert.deepEqual(order, ['begin 1', 'end 1', 'begin 2', 'end 2']);
  assert.deepEqual([saidOf(recorder, '1'), saidOf(recorder, '2')], [['ok', 'idle'], ['ok', 'idle']]);
});

test('a kernel that does not listen has dropped nothing when an interrupt comes', async () => {
  const { kernel, globals, shared, recorder, start, send, settled } = open();
  kernel.onMessage = message => {
    requestInterrupt(shared.interrupt, 1);
    setTimeout(() => globals['postMessage'](reply(message)), 1200);
  };
  await start();
  send(request('1'));
  await settled();
  assert.deepEqual(saidOf(recorder, '1'), ['ok']);
});

test('what a kernel says late of the end of a cell that was answered in its name is not said again', async () => {
  const { kernel, globals, shared, recorder, start, send, settled } = open(listening());
  let dropped = request('');
  kernel.onMessage = message => {
    if (message.header.msg_id === 'dropped') {
      dropped = message;
      requestInterrupt(shared.interrupt, 1);
    } else {
      globals['postMessage'](reply(dropped));
      globals['postMessage'](idle(dropped));
      globals['postMessage'](reply(message));
    }
  };
  await start();
  send(request('dropped'));
  send(request('next'));
  await settled();
  assert.deepEqual(saidOf(recorder, 'dropped'), ['error', 'idle']);
  assert.deepEqual(saidOf(recorder, 'next'), ['ok']);
});

test('of what is no cell too, the next begins when the kernel is done; one that it does not know holds nobody', async () => {
  const { kernel, globals, start, send, settled } = open();
  const order: string[] = [];
  kernel.onMessage = message => {
    order.push(`begin ${message.header.msg_id}`);
    if (message.header.msg_id !== 'unknown') {
      globals['postMessage']({ ...idle(message), content: { execution_state: 'busy' } });
      setTimeout(() => {
        order.push(`end ${message.header.msg_id}`);
        globals['postMessage'](idle(message));
      }, 30);
    }
  };
  await start();
  send(request('unknown', 'x_request'));
  send(request('comm', 'comm_msg'));
  send(request('other', 'comm_msg'));
  await settled();
  assert.deepEqual(order, ['begin unknown', 'begin comm', 'end comm', 'begin other', 'end other']);
});

test('a request that ends idle and without a reply is answered', async () => {
  const { kernel, globals, recorder, start, send, settled } = open();
  kernel.onMessage = message => globals['postMessage'](idle(message));
  await start();
  send(request('dropped'));
  await settled();
  assert.deepEqual(saidOf(recorder, 'dropped'), ['idle', 'error']);
});

test('a kernel that runs cells asynchronously gets the next cell after its reply, and no false one is made', async () => {
  const { kernel, globals, recorder, start, send, settled } = open();
  const order = answersAfter(30, kernel, globals);
  await start();
  send(request('1'));
  send(request('2'));
  await settled();
  assert.deepEqual(order, ['begin 1', 'end 1', 'begin 2', 'end 2']);
  assert.deepEqual(saidOf(recorder, '1'), ['ok', 'idle']);
});

test('the reply to another request does not end a cell', async () => {
  const { kernel, globals, recorder, start, send, settled } = open();
  kernel.onMessage = message => {
    globals['postMessage'](reply(request('before')));
    setTimeout(() => globals['postMessage'](reply(message)), 10);
  };
  await start();
  send(request('1'));
  await settled();
  assert.deepEqual(saidOf(recorder, '1'), ['ok']);
});

test('what is said in the kernel’s name is of its session and of now, and has the request as its parent', async () => {
  const { kernel, globals, recorder, session, start, settled } = open();
  const asked = (id: string): JupyterMessage => {
    const message = request(id);
    return { ...message, header: { ...message.header, session: 'client', date: '2020-01-01T00:00:00Z' } };
  };
  kernel.onMessage = message => {
    const failed = reply(message);
    const header = { ...failed.header, session: 'kernel' };
    globals['postMessage']({ ...failed, header, content: { status: 'error' } });
  };
  await start();
  const before = Date.now();
  for (const id of ['fails', 'queued']) {
    session.receive({ type: 'message', message: asked(id), seen: 0 });
  }
  await settled();
  const said = recorder.of('message').map(({ message }) => message);
  const own = said.filter(message => message.parent_header['msg_id'] === 'queued');
  assert.deepEqual(own.map(({ header }) => header.msg_type), ['status', 'execute_reply', 'status']);
  for (const { header, parent_header } of own) {
    assert.deepEqual(parent_header, asked('queued').header);
    assert.equal(header.session, 'kernel');
    assert.ok(Date.parse(String(header['date'])) >= before);
  }
  assert.equal(new Set(own.map(({ header }) => header.msg_id)).size, 3);
});

test('what is said before the kernel has said anything is of no client’s session', async () => {
  const { kernel, recorder, start, send, settled, shared } = open(listening());
  kernel.onMessage = () => requestInterrupt(shared.interrupt, 1);
  await start();
  send(request('dropped'));
  await settled();
  const sessions = recorder.of('message').map(({ message }) => message.header.session);
  assert.equal(new Set(sessions).size, 1);
  assert.ok(!['', request('').header.session].includes(String(sessions[0])));
});

test('when a cell fails, those that were sent before the host knew are aborted, and only cells', async () => {
  const { kernel, globals, recorder, session, start, settled } = open();
  const ran: string[] = [];
  kernel.onMessage = message => {
    ran.push(message.header.msg_id);
    const status = message.content.code === 'fail' ? 'error' : 'ok';
    globals['postMessage']({ ...reply(message), content: { status, execution_count: 7 } });
  };
  await start();
  const cell = (id: string, seen: number, content: Record<string, unknown> = {}) =>
    session.receive({ type: 'message', message: { ...request(id), content }, seen });
  cell('silent', 0, { code: 'fail', silent: true });
  cell('goes on', 0, { code: 'fail', stop_on_error: false });
  cell('stops', 0, { code: 'fail' });
  cell('queued', 0);
  cell('queued too', 2);
  session.receive({ type: 'message', message: request('info', 'kernel_info_request'), seen: 2 });
  cell('after', 3);
  await settled();
  assert.deepEqual(ran, ['silent', 'goes on', 'stops', 'info', 'after']);
  assert.deepEqual(saidOf(recorder, 'queued'), ['busy', 'aborted', 'idle']);
  assert.deepEqual(saidOf(recorder, 'queued too'), ['busy', 'aborted', 'idle']);
});

test('an interrupt that comes while imports are fetched ends the cell before it begins', async () => {
  let slow = '';
  const archives = [...PYTHON.archives, { 'lib/python3.13/site-packages/slow.py': '' }];
  const { kernel, transport, shared, recorder, globals, start, send, settled } = open(
    generation4(),
    { ...PYTHON, archives, load: ['demand', 'import'] },
    ({ manifest }) => {
      manifest['kernels'][0].language = 'python';
      manifest['imports'] = { slow: [1] };
      slow = `archives/${manifest['archives'][1].digest}.tar.zst`;
    }
  );
  transport.late.add(slow);
  const ran: string[] = [];
  kernel.onMessage = message => {
    ran.push(message.header.msg_id);
    globals['postMessage']({ ...reply(message), content: { status: 'ok', execution_count: 4 } });
  };
  await start();
  send(request('before'));
  await settled();
  send({ ...request('1'), content: { code: 'import slow' } }, 1);
  for (let turn = 0; turn < 500 && !transport.asked.includes(slow); turn += 1) {
    await new Promise(resolve => setTimeout(resolve, 1));
  }
  requestInterrupt(shared.interrupt, 2);
  send({ ...request('2'), content: { code: '2' } }, 2);
  await settled();
  assert.deepEqual(recorder.of('error'), []);
  assert.deepEqual(ran, ['before', '2']);
  assert.deepEqual(saidOf(recorder, '1'), ['busy', 'error', 'error', 'idle']);
  const made = recorder.of('message').find(({ message }) => message.content['ename'])?.message.content;
  assert.deepEqual([made?.['ename'], made?.['evalue']], ['KeyboardInterrupt', 'interrupted before the cell began']);
  assert.equal(new Uint8Array(shared.interrupt)[0], 0);
});

for (const type of ['comm_msg', 'execute_request']) {
  test(`buffers reach the kernel as bytes, whatever they were: ${type}`, async () => {
    const { kernel, globals, start, send, settled } = open();
    let seen: any[] = [];
    kernel.onMessage = message => {
      seen = message.buffers;
      globals['postMessage'](reply(message, 'execute_reply'));
    };
    await start();
    const bytes = new Uint8Array([9, 1, 2, 3, 9]);
    const view = new DataView(bytes.buffer, 1, 3);
    send({ ...request('1', type), buffers: [view.buffer.slice(1, 4), view] as never });
    await settled();
    assert.deepEqual(seen, [new Uint8Array([1, 2, 3]), new Uint8Array([1, 2, 3])]);
  });
}

test('what kernels of 2022 leave out of their replies is there', async () => {
  const { kernel, globals, recorder, start, send, settled } = open();
  const contents: Record<string, Record<string, unknown>> = {
    kernel_info: { banner: 'x' },
    complete: { status: 'ok', matches: [] },
    execute: { status: 'error', traceback: 'one\ntwo' },
  };
  kernel.onMessage = message => {
    const [kind] = message.header.msg_type.split('_request');
    globals['postMessage']({ ...reply(message, `${kind}_reply`), content: contents[kind as string] });
  };
  await start();
  Object.keys(contents).forEach(kind => send(request(kind, `${kind}_request`)));
  await settled();
  assert.deepEqual(
    recorder.of('message').map(({ message }) => message.content),
    [
      { banner: 'x', status: 'ok' },
      { status: 'ok', matches: [], metadata: {} },
      { status: 'error', traceback: ['one', 'two'] },
    ]
  );
});

/** Cells that say whether they see a signal, and a host between which and the worker messages take a while. */
async function withHost() {
  const { kernel, globals, recorder, session, settled } = open(listening());
  const ran: string[] = [];
  let shared: SharedChannels | null = null;
  const postMessage = (envelope: ToWorker) => {
    shared = (envelope.type === 'start' ? envelope.shared : null) ?? shared;
    setTimeout(() => session.receive(envelope), 1);
  };
  const relay = new Relay({ postMessage, terminate: () => undefined }, recorder.emit, unsent);
  const signal = () => new Uint8Array(shared?.interrupt as SharedArrayBuffer)[0];
  kernel.onMessage = message => {
    ran.push(`${message.header.msg_id} ${signal()}`);
    globals['postMessage'](reply(message, message.header.msg_type.replace('request', 'reply')));
  };
  const content = { stop_on_error: false };
  const send = (id: string, type?: string) =>
    relay.obey({ type: 'message', message: { ...request(id, type), content } });
  const interrupt = () => relay.obey({ type: 'interrupt' });
  const done = () => new Promise(resolve => setTimeout(resolve, 5)).then(settled);
  relay.obey({ type: 'start', manifest: 'm' });
  await recorder.next('ready');
  return { kernel, globals, recorder, ran, send, interrupt, done };
}

test('an interrupt that came between cells is forgotten', async () => {
  const { ran, send, interrupt, done } = await withHost();
  send('1');
  await done();
  interrupt();
  send('2');
  await done();
  assert.deepEqual(ran, ['1 0', '2 0']);
});

test('an interrupt right behind a cell, which it overtakes, is for that cell, and for no other', async () => {
  const { recorder, ran, send, interrupt, done } = await withHost();
  send('1');
  interrupt();
  send('2');
  await done();
  assert.deepEqual(ran, ['2 0']);
  assert.deepEqual(saidOf(recorder, '1'), ['busy', 'error', 'error', 'idle']);
});

test('an interrupt is for the cell that runs, also where others wait behind it', async () => {
  const { kernel, globals, ran, send, interrupt, done } = await withHost();
  kernel.onMessage = message => {
    ran.push(message.header.msg_id);
    if (message.header.msg_id === '1') {
      interrupt();
    }
    globals['postMessage'](reply(message));
  };
  ['1', '2', '3'].forEach(id => send(id));
  await done();
  assert.deepEqual(ran, ['1', '2', '3']);
});

test('an interrupt right behind a cell passes over what is no cell before it, and does not hit that', async () => {
  const { recorder, ran, send, interrupt, done } = await withHost();
  send('info', 'kernel_info_request');
  send('1');
  interrupt();
  send('2');
  await done();
  assert.deepEqual(ran, ['info 0', '2 0']);
  assert.deepEqual(saidOf(recorder, '1'), ['busy', 'error', 'error', 'idle']);
});

test('an interrupt that comes when a cell is answered already is for what was sent after it', async () => {
  const { kernel, globals, recorder, ran, send, interrupt, done } = await withHost();
  kernel.onMessage = message => {
    ran.push(message.header.msg_id);
    globals['postMessage'](reply(message));
    if (message.header.msg_id === '1') {
      send('2');
      interrupt();
    }
    globals['postMessage'](idle(message));
  };
  send('1');
  await done();
  assert.deepEqual(ran, ['1']);
  assert.deepEqual(saidOf(recorder, '2'), ['busy', 'error', 'error', 'idle']);
});

/** A kernel with CPython's hook for interrupts. */
function listening(memory = new WebAssembly.Memory({ initial: 1 })): FakeKernel {
  const kernel = withMemory(withoutFileSystem(), memory);
  Object.assign(kernel.module, { _Py_EMSCRIPTEN_SIGNAL_HANDLING: 12 });
  return kernel;
}

test('a kernel with the hook is given the interrupt buffer', async () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const kernel = listening(memory);
  const { shared, start } = open(kernel);
  await start();
  assert.equal(new Int32Array(memory.buffer)[3], 1);
  new Uint8Array(shared.interrupt)[0] = 2;
  assert.equal(kernel.module.Py_EmscriptenSignalBuffer?.[0], 2);
});

test('an interrupt that comes between the read and the write of CPython is seen by its next read', () => {
  const memory = new SharedArrayBuffer(INTERRUPT_BYTES);
  const buffer = signalBuffer(memory);
  assert.equal(buffer[0], 0);
  requestInterrupt(memory, 0);
  buffer[0] = 0;
  assert.equal(buffer[0], 2);
  buffer[0] = 0;
  assert.equal(buffer[0], 0);
});

test('what the linker could not load in one cell is forgotten before the next', async () => {
  const { kernel, globals, start, send, settled } = open();
  const loaded = { refcount: 1, exports: {} };
  kernel.module.LDSO = { loadedLibsByName: { 'a.so': { refcount: 1, exports: 'loading' }, 'b.so': loaded } };
  kernel.onMessage = message => globals['postMessage'](reply(message));
  await start();
  send(request('1'));
  await settled();
  assert.deepEqual(kernel.module.LDSO.loadedLibsByName, { 'b.so': loaded });
});

const number = 1234;
for (const [what, thrown, message] of [
  ['a C++ exception', number, /^handling execute_request failed: Error: std::bad_function_call$/],
  [
    'a trap',
    new WebAssembly.RuntimeError('unreachable'),
    /^handling execute_request failed: Error: RuntimeError: unreachable$/,
  ],
  ['an ordinary error', new TypeError('x is not a function'), /TypeError: x is not a function$/],
] as const) {
  test(`${what} out of the kernel is fatal, and nothing is handed to it any more`, async () => {
    const { kernel, recorder, start, send, settled, session } = open();
    let calls = 0;
    kernel.module.get_exception_message = () => 'std::bad_function_call';
    kernel.onMessage = () => {
      calls += 1;
      throw thrown;
    };
    await start();
    send(request('1'));
    send(request('2'));
    session.receive({ type: 'figures' });
    const { error, fatal } = await recorder.next('error');
    await new Promise(resolve => setTimeout(resolve, 5));
    assert.equal(fatal, true);
    assert.equal(error.name, 'KernelFailed');
    assert.match(error.message, message);
    assert.equal(calls, 1);
    assert.deepEqual(recorder.of('figures'), []);
    void settled;
  });
}

test('running out of memory in a cell is called that', async () => {
  const { kernel, recorder, start, send } = open();
  kernel.onMessage = () => {
    throw new WebAssembly.RuntimeError('Aborted(OOM)');
  };
  await start();
  send(request('1'));
  assert.equal((await recorder.next('error')).error.name, 'OutOfMemory');
});

test('a start that fails is told once; messages after it are ignored', async () => {
  const { kernel, recorder, transport, start, send, session } = open();
  transport.broken.set(
    'manifest.json',
    new BootError('FileMissing', 'not there', { file: 'manifest.json', hint: 'deploy' })
  );
  let calls = 0;
  kernel.onMessage = () => (calls += 1);
  await start();
  send(request('1'));
  session.receive({ type: 'figures' });
  await new Promise(resolve => setTimeout(resolve, 10));
  assert.deepEqual(recorder.envelopes, [
    {
      type: 'error',
      error: { name: 'FileMissing', message: 'not there', file: 'manifest.json', hint: 'deploy' },
      fatal: true,
    },
  ]);
  assert.equal(calls, 0);
});

test('a promise that the glue left alone ends a start that would never end', async () => {
  const kernel = { ...withoutFileSystem(), factory: () => new Promise<never>(() => undefined) };
  const { recorder, session } = open(kernel);
  session.receive({ type: 'start', manifest: 'm' });
  await new Promise(resolve => setTimeout(resolve, 10));
  session.stray(new Error('failed to load dynamic library libxeus.so'));
  const { error, fatal } = await recorder.next('error');
  assert.equal(fatal, true);
  assert.equal(error.message, 'starting the kernel failed: Error: failed to load dynamic library libxeus.so');
});

test('a promise that a program forgot later is only logged', async () => {
  const { kernel, globals, recorder, session, start, send, settled } = open();
  kernel.onMessage = message => globals['postMessage'](reply(message));
  await start();
  session.stray('forgotten');
  send(request('1'));
  await settled();
  assert.deepEqual(recorder.of('error'), []);
  assert.deepEqual(recorder.of('log'), [{ type: 'log', level: 'error', text: 'unhandled rejection: forgotten' }]);
  assert.equal(recorder.of('message').length, 1);
});

test('get_stdin answers from shared memory, as a promise for kernels with Asyncify of their own', async () => {
  const { globals, shared, start } = open();
  await start();
  const answer = { ...request('a', 'input_reply'), parent_header: { msg_id: 'q' }, content: { value: 'typed' } };
  globals['postMessage'](request('q', 'input_request'));
  answerInput(shared.input, answer);
  assert.deepEqual(await globals['get_stdin'](), answer);
});

test('get_stdin answers at once for kernels that look for a global Asyncify', async () => {
  const { globals, shared, start } = open();
  await start();
  const answer = { ...request('a', 'input_reply'), parent_header: { msg_id: 'q' }, content: { value: 'typed' } };
  globals['postMessage'](request('q', 'input_request'));
  answerInput(shared.input, answer);
  let received: any;
  globals['Asyncify'].handleAsync(() =>
    globals['get_stdin']().then((reply: unknown) => {
      received = reply;
    })
  );
  assert.deepEqual(received, answer);
});

test('without shared memory, or interrupted, the answer is empty', async () => {
  const { globals, session, recorder } = open();
  session.receive({ type: 'start', manifest: 'm', shared: null });
  await recorder.next('ready');
  const { content, header } = await globals['get_stdin']();
  assert.deepEqual(content, { status: 'ok', value: '' });
  assert.equal(header.msg_type, 'input_reply');
});

test('a trace names the files in the order of their first opening; a file of the kernel can be read', async () => {
  const { recorder, session, settled } = open(generation4(), PYTHON);
  session.receive({ type: 'start', manifest: 'm', trace: true });
  session.receive({ type: 'trace' });
  session.receive({ type: 'read', path: '/lib/python3.13/os.py' });
  session.receive({ type: 'read', path: '/none' });
  await settled();
  const [{ files } = { files: [] }] = recorder.of('trace');
  assert.deepEqual(files, ['lib/python3.13/os.py']);
  const [read, none] = recorder.of('read');
  assert.equal(new TextDecoder().decode(read?.data ?? undefined), 'import abc');
  assert.deepEqual(none, { type: 'read', path: '/none', data: null });
});

test('without being asked for no trace is kept', async () => {
  const { recorder, session, start, settled } = open(generation4(), PYTHON);
  await start();
  session.receive({ type: 'trace' });
  await settled();
  assert.deepEqual(recorder.of('trace'), [{ type: 'trace', files: [], interpreter: 0 }]);
});

test('what a program writes to a descriptor itself is an output of its cell, whole lines and the rest before idle', async () => {
  const kernel = generation4();
  const terminal = { output: [] as number[] };
  let print: (text: string) => void = () => undefined;
  let printErr = print;
  const { factory } = kernel;
  const { globals, recorder, start, send, settled } = open(
    {
      ...kernel,
      factory: options => {
        ({ print, printErr } = options as ModuleOptions);
        Object.assign(kernel.module.FS as object, { streams: [null, { fd: 1, tty: terminal }, { fd: 2 }] });
        print('said at the start');
        return factory(options);
      },
    },
    PYTHON
  );
  kernel.onMessage = message => {
    print('a line');
    printErr('a complaint');
    terminal.output.push(...new TextEncoder().encode('ü'));
    globals['postMessage'](reply(message));
    globals['postMessage'](idle(message));
  };
  await start();
  send(request('1'));
  await settled();
  print('said between cells');
  const seen = recorder.of('message').map(({ message }) => [
    message.parent_header['msg_id'],
    message.header.msg_type,
    message.content['name'],
    message.content['text'],
  ]);
  assert.deepEqual(seen, [
    ['1', 'stream', 'stdout', 'a line\n'],
    ['1', 'stream', 'stderr', 'a complaint\n'],
    ['1', 'execute_reply', undefined, undefined],
    ['1', 'stream', 'stdout', 'ü'],
    ['1', 'status', undefined, undefined],
  ]);
  const streams = recorder.of('message').filter(({ message }) => message.header.msg_type === 'stream');
  assert.equal(new Set(streams.map(({ message }) => message.header.msg_id)).size, 3);
  assert.deepEqual(
    recorder.of('log').map(({ text }) => text),
    ['said at the start', 'a line', 'a complaint', 'said between cells']
  );
});

const cell = (id: string, code: string): JupyterMessage => ({ ...request(id), content: { code } });

test('what is left of a cell that installs something goes to the kernel once that is done, and what is said is its output', async () => {
  const { kernel, globals, recorder, start, send, settled } = open(undefined, {}, undefined, async ({ say, code }) => {
    say('stdout', 'installing\n');
    await new Promise(resolve => setTimeout(resolve, 5));
    return code.replace('%pip', '#');
  });
  const received: unknown[] = [];
  kernel.onMessage = message => {
    received.push(message.content['code']);
    globals['postMessage'](reply(message));
  };
  await start();
  send(cell('a', '%pip install x\nprint(1)'));
  send(cell('b', 'print("pip install x")'));
  await settled();
  assert.deepEqual(received, ['# install x\nprint(1)', 'print("pip install x")']);
  const said = recorder.of('message').map(({ message }) => [message.header.msg_type, message.parent_header['msg_id']]);
  assert.deepEqual(said, [['status', 'a'], ['stream', 'a'], ['execute_reply', 'a'], ['execute_reply', 'b']]);
});

test('a cell whose install fails ends with what was said and what to do, and so do those behind it', async () => {
  const failing = async () => Promise.reject(Object.assign(new Error('no wheel'), { hint: 'ask for another' }));
  const { kernel, recorder, start, send, settled } = open(undefined, {}, undefined, failing);
  kernel.onMessage = () => assert.fail('the kernel got the cell');
  await start();
  send(cell('a', 'pip install x'));
  await settled();
  const error = recorder.of('message').map(({ message }) => message).find(({ header }) => header.msg_type === 'error');
  assert.deepEqual(error?.content, { ename: 'InstallFailed', evalue: 'no wheel', traceback: ['InstallFailed: no wheel', 'hint: ask for another'] });
});

test('an interrupt ends an install', async () => {
  let aborted = false;
  const endless = ({ signal }: InstallCell) =>
    new Promise<string>((_, reject) => signal.addEventListener('abort', () => reject((aborted = true))));
  const { kernel, recorder, shared, start, send, settled } = open(undefined, {}, undefined, endless);
  kernel.onMessage = () => assert.fail('the kernel got the cell');
  await start();
  send(cell('a', '%pip install x'), 1);
  await new Promise(resolve => setTimeout(resolve, 20));
  requestInterrupt(shared.interrupt, 1);
  await settled();
  assert.equal(aborted, true);
  const replied = recorder.of('message').map(({ message }) => message).find(({ header }) => header.msg_type === 'execute_reply');
  assert.equal(replied?.content['ename'], 'KeyboardInterrupt');
});
