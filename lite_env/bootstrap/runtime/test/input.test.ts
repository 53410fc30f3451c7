/** The answer to `input()`, with a real thread that blocks. This file is also that thread's program. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { Relay } from '../src/host/channels';
import { answerInput, awaitInput, interruptInput, INPUT_BYTES } from '../src/kernel/input';
import type { JupyterMessage, ToWorker } from '../src/protocol';
import { unsent } from './support/network';

/** What blocks by mistake fails. */
const LIMITED = { timeout: 20_000 };

if (isMainThread) {
  tests();
} else {
  const { buffer, questions } = workerData as { buffer: SharedArrayBuffer; questions: readonly string[] };
  for (const question of questions) {
    parentPort?.postMessage({ waiting: question });
    parentPort?.postMessage({ answer: awaitInput(buffer, question) });
  }
}

/** An answer to the question of that id; without one to whichever is open. */
function reply(value: string, question?: string): JupyterMessage {
  return {
    header: { msg_id: 'r', msg_type: 'input_reply', session: 's' },
    parent_header: question === undefined ? {} : asked(question).header,
    metadata: {},
    content: { status: 'ok', value },
    channel: 'stdin',
  };
}

/** What the kernel says when its program asks, in the cell `1`. */
function asked(question: string): JupyterMessage {
  return {
    header: { msg_id: question, msg_type: 'input_request', session: 'k' },
    parent_header: { msg_id: '1' },
    metadata: {},
    content: { prompt: '' },
    channel: 'stdin',
  };
}

/** A thread that asks these questions; it ends with the test, also when it is still blocked. */
function asker(t: TestContext, buffer: SharedArrayBuffer, ...questions: string[]) {
  const worker = new Worker(new URL(import.meta.url), { workerData: { buffer, questions } });
  t.after(() => worker.terminate());
  const received: unknown[] = [];
  let wake: () => void = () => undefined;
  worker.on('message', (message: object) => {
    received.push(message);
    wake();
  });
  const next = async (): Promise<any> => {
    while (received.length === 0) {
      await new Promise<void>(resolve => {
        wake = resolve;
      });
    }
    return received.shift();
  };
  const blocked = async () => {
    await next();
    const words = new Int32Array(buffer, 0, 1);
    while (Atomics.load(words, 0) !== 1) {
      await new Promise(resolve => setTimeout(resolve, 1));
    }
  };
  return { next, blocked };
}

function tests(): void {
  test('an interrupt in the moment in which the wait ends is not left to the next question', t => {
    const buffer = new SharedArrayBuffer(INPUT_BYTES);
    const words = new Int32Array(buffer, 0, 2);
    const { store, compareExchange } = Atomics;
    const leave = () => void store(words, 0, 0);
    t.mock.method(Atomics, 'store', (...given: [Int32Array, number, number]) => (leave(), store(...given)));
    t.mock.method(Atomics, 'compareExchange', (...given: [Int32Array, number, number, number]) => {
      leave();
      return compareExchange(...given);
    });
    store(words, 0, 1);
    interruptInput(buffer);
    assert.equal(words[0], 0);
  });

  test('a blocked thread gets the answer, and again', LIMITED, async t => {
    const buffer = new SharedArrayBuffer(INPUT_BYTES);
    const { blocked, next } = asker(t, buffer, 'q1', 'q2');
    for (const [question, value] of [['q1', 'first'], ['q2', 'zweite Antwort: ü €']] as const) {
      await blocked();
      answerInput(buffer, reply(value, question));
      assert.deepEqual((await next()).answer, reply(value, question));
    }
  });

  test('an answer that is there before the question is asked is taken', () => {
    const buffer = new SharedArrayBuffer(1024);
    answerInput(buffer, reply('early', 'q'));
    assert.deepEqual(awaitInput(buffer, 'q'), reply('early', 'q'));
  });

  test('an interrupt ends the wait without an answer, and the next question waits again', LIMITED, async t => {
    const buffer = new SharedArrayBuffer(1024);
    const { blocked, next } = asker(t, buffer, 'q1', 'q2');
    await blocked();
    interruptInput(buffer);
    assert.equal((await next()).answer, null);
    await blocked();
    answerInput(buffer, reply('now', 'q2'));
    assert.deepEqual((await next()).answer, reply('now', 'q2'));
  });

  test('an answer to the question before is not the answer to this one', LIMITED, async t => {
    const buffer = new SharedArrayBuffer(1024);
    answerInput(buffer, reply('late', 'q1'));
    const { blocked, next } = asker(t, buffer, 'q2');
    await blocked();
    answerInput(buffer, reply('typed', 'q2'));
    assert.deepEqual((await next()).answer, reply('typed', 'q2'));
  });

  test('an interrupt that comes between question and wait ends the wait', () => {
    const buffer = new SharedArrayBuffer(1024);
    const isWaiting = () => Atomics.load(new Int32Array(buffer, 0, 1), 0) === 1;
    assert.equal(awaitInput(buffer, 'q', isWaiting), null);
    answerInput(buffer, reply('next', 'q2'));
    assert.deepEqual(awaitInput(buffer, 'q2'), reply('next', 'q2'));
  });

  test('an interrupt while nobody waits is not kept for the next question', () => {
    const buffer = new SharedArrayBuffer(1024);
    interruptInput(buffer);
    answerInput(buffer, reply('kept', 'q'));
    assert.deepEqual(awaitInput(buffer, 'q'), reply('kept', 'q'));
  });

  test('an answer as long as the room fits, a longer one is refused', () => {
    const overhead = JSON.stringify(reply('', 'q')).length;
    const buffer = new SharedArrayBuffer(8 + overhead + 100);
    answerInput(buffer, reply('x'.repeat(100), 'q'));
    assert.deepEqual(awaitInput(buffer, 'q'), reply('x'.repeat(100), 'q'));
    const message = `an answer of ${overhead + 101} bytes is longer than the ${overhead + 100} that fit`;
    assert.throws(() => answerInput(buffer, reply('x'.repeat(101), 'q')), { name: 'RangeError', message });
  });

  test('the relay: a thread that waits is not left waiting by an answer that is too long', LIMITED, async t => {
    const { relay, posted, complaints } = makeRelay();
    relay.obey({ type: 'start', manifest: 'm' });
    const { shared } = posted[0] as Extract<ToWorker, { type: 'start' }>;
    assert.ok(shared);
    const { blocked, next } = asker(t, shared.input, 'q');
    await blocked();
    relay.note({ type: 'message', message: asked('q') });
    relay.obey({ type: 'message', message: reply('x'.repeat(INPUT_BYTES)) });
    assert.equal((await next()).answer, null);
    assert.equal(new Uint8Array(shared.interrupt)[0], 2);
    assert.match(complaints[0] as string, /^RangeError: an answer of \d+ bytes is longer than the 1048568 that fit$/);
  });

  test('the relay: answers and interrupts go through shared memory, everything else by message', () => {
    const { relay, posted } = makeRelay();
    relay.obey({ type: 'start', manifest: 'm', kernel: 'k', env: { A: 'b' } });
    const start = posted[0] as Extract<ToWorker, { type: 'start' }>;
    assert.deepEqual(
      { ...start, shared: null },
      { type: 'start', manifest: 'm', kernel: 'k', env: { A: 'b' }, shared: null }
    );
    const request = { ...reply(''), header: { msg_id: '1', msg_type: 'execute_request', session: 's' } };
    relay.obey({ type: 'message', message: request });
    relay.obey({ type: 'figures' });
    relay.obey({ type: 'interrupt' });
    relay.note({ type: 'message', message: asked('q') });
    relay.obey({ type: 'message', message: reply('typed') });
    assert.deepEqual(posted.slice(1), [{ type: 'message', message: request, seen: 0, number: 1 }, { type: 'figures' }]);
    assert.equal(new Uint8Array(start.shared?.interrupt as SharedArrayBuffer)[0], 2);
    assert.deepEqual(awaitInput(start.shared?.input as SharedArrayBuffer, 'q'), reply('typed', 'q'));
  });

  test('the relay: text typed after an interrupt, or for no question, is dropped', LIMITED, async t => {
    const { relay, posted, complaints } = makeRelay();
    relay.obey({ type: 'start', manifest: 'm' });
    const { shared } = posted[0] as Extract<ToWorker, { type: 'start' }>;
    assert.ok(shared);
    const { blocked, next } = asker(t, shared.input, 'q1', 'q2');
    await blocked();
    relay.note({ type: 'message', message: asked('q1') });
    relay.obey({ type: 'interrupt' });
    assert.equal((await next()).answer, null);
    relay.obey({ type: 'message', message: reply('late') });
    relay.obey({ type: 'message', message: reply('late', 'q1') });
    await blocked();
    relay.note({ type: 'message', message: asked('q2') });
    relay.obey({ type: 'message', message: reply('later', 'q1') });
    relay.obey({ type: 'message', message: reply('typed', 'q2') });
    assert.equal((await next()).answer.content.value, 'typed');
    relay.obey({ type: 'message', message: reply('twice', 'q2') });
    assert.deepEqual(
      complaints,
      Array(4).fill('an answer was dropped: the kernel does not wait for it (any more)')
    );
  });

  test('the relay: a question is over with the cell that asked it', () => {
    const { relay, complaints } = makeRelay();
    const idle = (cell: string): JupyterMessage => ({
      ...asked('s'),
      header: { msg_id: 's', msg_type: 'status', session: 'k' },
      parent_header: { msg_id: cell },
      content: { execution_state: 'idle' },
    });
    relay.obey({ type: 'start', manifest: 'm' });
    for (const [cell, dropped] of [['0', 0], ['1', 1]] as const) {
      relay.note({ type: 'message', message: asked('q') });
      relay.note({ type: 'message', message: idle(cell) });
      relay.obey({ type: 'message', message: reply('typed', 'q') });
      assert.equal(complaints.length, dropped);
    }
  });

  test('the relay: close ends the worker, an unknown command is complained of', () => {
    const { relay, ended, complaints } = makeRelay();
    relay.obey({ type: 'dance' } as never);
    assert.deepEqual(complaints, ['unknown command {"type":"dance"}']);
    relay.obey({ type: 'close' });
    assert.equal(ended(), 1);
  });

  test('the relay without shared memory: answers go by message, an interrupt is refused with the reason', t => {
    const shared = globalThis.SharedArrayBuffer;
    (globalThis as Record<string, unknown>)['SharedArrayBuffer'] = undefined;
    t.after(() => Object.assign(globalThis, { SharedArrayBuffer: shared }));
    const { relay, posted, complaints } = makeRelay();
    relay.obey({ type: 'start', manifest: 'm' });
    relay.note({ type: 'message', message: asked('q') });
    relay.obey({ type: 'message', message: reply('typed') });
    relay.obey({ type: 'interrupt' });
    assert.deepEqual(posted, [
      { type: 'start', manifest: 'm', shared: null },
      { type: 'message', message: reply('typed', 'q') },
    ]);
    assert.deepEqual(complaints, ['the kernel cannot be interrupted: the page is not cross-origin isolated']);
  });
}

function makeRelay() {
  const posted: ToWorker[] = [];
  const complaints: string[] = [];
  let ended = 0;
  const relay = new Relay(
    { postMessage: envelope => posted.push(envelope), terminate: () => (ended += 1) },
    envelope => envelope.type === 'log' && complaints.push(envelope.text),
    unsent
  );
  return { relay, posted, complaints, ended: () => ended };
}
