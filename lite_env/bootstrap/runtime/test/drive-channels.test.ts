/** How a blocked worker asks its drive. This file is also the program of the thread that blocks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { fromBase64, toBase64 } from '../src/base64';
import { accept, DriveError, type DriveEnvelope } from '../src/drive/channel';
import { DriveDesk } from '../src/drive/desk';
import { Recent } from '../src/drive/recent';
import { SharedDriveChannel, SharedDriveHost } from '../src/drive/shared';
import { XhrDriveChannel, type SyncRequest } from '../src/drive/xhr';
import { XhrStdin } from '../src/kernel/stdin';

if (isMainThread) {
  channels();
  recent();
} else {
  const { buffer, paths } = workerData as { buffer: SharedArrayBuffer; paths: string[] };
  const channel = new SharedDriveChannel(buffer, envelope => parentPort?.postMessage(envelope));
  for (const path of paths) {
    try {
      parentPort?.postMessage({ answer: channel.ask({ method: 'get', path }) });
    } catch (error) {
      parentPort?.postMessage({ code: (error as DriveError).code, message: (error as Error).message });
    }
  }
}

/** A server in one object: what it was sent, and what it says. */
class Server implements SyncRequest {
  status = 0;
  responseText = '';
  timeout = 0;
  readonly sent: { url: string; body: any; headers: Record<string, string>; timeout: number }[] = [];
  private url = '';
  private headers: Record<string, string> = {};
  /** Of which request it says that it answers it. */
  answered: string | null = null;

  constructor(private readonly answers: (string | { status: number; text: string } | Error)[]) {}

  open(_method: string, url: string): void {
    this.url = url;
    this.headers = {};
  }

  getResponseHeader(name: string): string | null {
    return name === 'x-lite-env-request' ? this.answered : null;
  }

  setRequestHeader(name: string, value: string): void {
    this.headers[name] = value;
  }

  send(body: string): void {
    this.sent.push({ url: this.url, body: JSON.parse(body), headers: this.headers, timeout: this.timeout });
    const answer = this.answers.shift() ?? '';
    if (answer instanceof Error) {
      throw answer;
    }
    this.status = typeof answer === 'string' ? 200 : answer.status;
    this.responseText = typeof answer === 'string' ? answer : answer.text;
  }
}

function xhr(...answers: ConstructorParameters<typeof Server>[0]) {
  const server = new Server(answers);
  const options = { url: '/api/drive', browsingContextId: 'tab', headers: { 'X-Lite-Env-Token': 't' } };
  return { server, channel: new XhrDriveChannel(options, () => server) };
}

/** For `assert.throws`: a refusal of that name. */
function refusal(code: string, message: RegExp) {
  return (error: unknown): true => {
    assert.ok(error instanceof DriveError);
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  };
}

function channels(): void {
  test('a request goes out as JupyterLite writes it, and no two have the same id', () => {
    const { server, channel } = xhr('{"ok":true}', 'null');
    assert.deepEqual(channel.ask({ method: 'lookup', path: '/ä b' }), { ok: true });
    assert.equal(channel.ask({ method: 'put', path: 's3:/f', data: { format: 'base64', data: '' } }), null);
    const [first, second] = server.sent;
    assert.deepEqual(first?.headers, { 'Content-Type': 'application/json', 'X-Lite-Env-Token': 't' });
    assert.equal(first?.url, '/api/drive');
    const { requestId, epoch, deadline, sent } = first?.body;
    assert.deepEqual(first?.body, {
      data: { method: 'lookup', path: '/ä b', requestId },
      browsingContextId: 'tab',
      requestId,
      epoch,
      id: 1,
      deadline,
      sent,
    });
    assert.equal(deadline - sent, 60_000);
    assert.ok(deadline > Date.now() && deadline <= Date.now() + 60_000);
    assert.ok((first?.timeout ?? 0) > 60_000);
    assert.notEqual(second?.body.requestId, requestId);
    assert.deepEqual(second?.body.data.data, { format: 'base64', data: '' });
    assert.ok((first?.timeout ?? 0) > 0 && (second?.timeout ?? 0) > (first?.timeout ?? 0));
  });

  test('no worker repeats the id of another one, for which its page may still answer', () => {
    const ids = [1, 2].map(() => {
      const { server, channel } = xhr('null', 'null');
      channel.ask({ method: 'get', path: '/' });
      channel.ask({ method: 'get', path: '/' });
      return server.sent.map(({ body }) => body.requestId as string);
    });
    assert.equal(new Set(ids.flat()).size, 4);
  });

  test('an answer to another request than was asked is EIO', () => {
    const { server, channel } = xhr('{"ok":true}', '{"ok":true}');
    server.answered = 'tab-of another worker-1';
    assert.throws(() => channel.ask({ method: 'lookup', path: '/' }), refusal('EIO', /answers another request/));
  });

  test('over shared memory: what comes for another request is passed over, and silence ends in EIO', () => {
    const buffer = new SharedArrayBuffer(64);
    const words = new Int32Array(buffer, 0, 2);
    const write = (id: number, text: string) => {
      new Uint8Array(buffer).set(new TextEncoder().encode(text), 8);
      words[1] = text.length;
      words[0] = (id << 2) | 2;
    };
    const asked: DriveEnvelope[] = [];
    let answer = (envelope: DriveEnvelope) => write(envelope.id, '"mine"');
    const channel = new SharedDriveChannel(
      buffer,
      envelope => {
        asked.push(envelope);
        answer(envelope);
      },
      () => -4.9
    );
    assert.equal(channel.ask({ method: 'get', path: '/' }), 'mine');
    answer = ({ id }) => write(id - 1, '"of the one before"');
    assert.throws(() => channel.ask({ method: 'get', path: '/' }), refusal('EIO', /the page does not answer/));
    answer = ({ id }) => write(id, '"mine again"');
    assert.equal(channel.ask({ method: 'get', path: '/' }), 'mine again');
    const [first, , third] = asked;
    assert.equal(third?.id, (first?.id ?? 0) + 2);
    assert.equal(first?.epoch, third?.epoch);
    const other = new SharedDriveChannel(buffer, envelope => (asked.push(envelope), write(envelope.id, '1')));
    other.ask({ method: 'get', path: '/' });
    assert.notEqual(asked[3]?.epoch, first?.epoch);
  });

  const refused: [string, ConstructorParameters<typeof Server>[0][number], string, RegExp][] = [
    ['by its name', { status: 409, text: '{"error":{"code":"EEXIST","message":"is there"}}' }, 'EEXIST', /is there/],
    ['named with status 200', '{"error":{"code":"ENOSPC","message":"full"}}', 'ENOSPC', /full/],
    ['of a name that nobody knows', { status: 400, text: '{"error":{"code":"EWHAT","message":"?"}}' }, 'EIO', /\?/],
    ['by a proxy', { status: 502, text: '<html>' }, 'EIO', /answers status 502/],
    ['by a login', { status: 401, text: 'no' }, 'EACCES', /answers status 401/],
    ['by JSON of another kind', { status: 404, text: '{"detail":"nothing"}' }, 'EIO', /answers status 404/],
    ['by a page with status 200', '<!doctype html>', 'EIO', /something that is not JSON/],
    ['by a dead network', new Error('NetworkError'), 'EIO', /does not answer/],
    ['by no status at all', { status: 0, text: '' }, 'EIO', /does not answer/],
  ];
  for (const [what, answer, code, message] of refused) {
    test(`refused ${what}: ${code}`, () => {
      assert.throws(() => xhr(answer).channel.ask({ method: 'lookup', path: '/' }), refusal(code, message));
    });
  }

  test('an answer without an error is the answer, whatever it is', () => {
    for (const answer of [null, 0, [], ['error'], { ok: false }, { error: 'a file of that name' }]) {
      assert.deepEqual(accept(answer), answer);
    }
  });

  /** `seconds` are what the clock says each time that it is looked at. */
  const stdin = (server: Server, seconds: readonly number[] = []) => {
    const times = seconds.map(second => second * 1000);
    const source = { url: '/api/stdin/kernel', browsingContextId: 'tab' };
    return new XhrStdin(source, { create: () => server, now: () => times.shift() ?? 0 });
  };
  const typed = (value: string, question: string) =>
    JSON.stringify({ content: { value }, parent_header: { msg_id: question } });

  test('the answer to input() comes by the same way and is waited for without end', () => {
    const server = new Server([typed('typed', 'q'), { status: 503, text: '' }]);
    const channel = stdin(server);
    assert.equal(channel.ask('q').content['value'], 'typed');
    assert.equal(server.sent[0]?.timeout, 0);
    assert.equal(server.sent[0]?.body.browsingContextId, 'tab');
    assert.deepEqual(server.sent[0]?.body.data, { question: 'q' });
    assert.throws(() => channel.ask('q'), /status 503/);
  });

  test('a question is put again when nobody has typed, or the service worker was ended meanwhile', () => {
    const server = new Server(['null', new Error('ended after five minutes'), typed('typed', 'q')]);
    assert.equal(stdin(server, [0, 60, 360, 360]).ask('q').content['value'], 'typed');
    const ids = server.sent.map(({ body }) => body.requestId as string);
    assert.equal(new Set(ids).size, 3);
    assert.ok(server.sent.every(({ body }) => body.data.question === 'q'));
  });

  test('an answer to another question is not taken', () => {
    const server = new Server([typed('old', 'before'), typed('new', 'q')]);
    assert.equal(stdin(server).ask('q').content['value'], 'new');
  });

  test('a service worker that cannot be reached at all is told', () => {
    assert.throws(() => stdin(new Server([new Error('refused')]), [0, 0.01]).ask('q'), /does not answer/);
  });

  test('over shared memory: answers of any length, cut anywhere, and errors', async () => {
    const buffer = new SharedArrayBuffer(8 + 7);
    const long = 'größe 😀 '.repeat(400);
    const desk = new DriveDesk(async ({ path }) => {
      if (path === 'fails') {
        throw new DriveError('ENOSPC', 'full');
      }
      if (path === 'breaks') {
        throw new TypeError('a bug');
      }
      return path === 'nothing' ? undefined : { content: long };
    });
    const host = new SharedDriveHost(buffer, desk);
    const worker = new Worker(new URL(import.meta.url), {
      workerData: { buffer, paths: ['long', 'nothing', 'fails', 'breaks', 'long'] },
    });
    const found: unknown[] = [];
    await new Promise<void>(resolve => {
      worker.on('message', (message: DriveEnvelope | object) => {
        'type' in message ? void host.take(message) : found.push(message);
      });
      worker.on('exit', () => resolve());
    });
    assert.deepEqual(found, [
      { answer: { content: long } },
      { answer: null },
      { code: 'ENOSPC', message: 'full' },
      { code: 'EIO', message: 'a bug' },
      { answer: { content: long } },
    ]);
  });

  test('in shared memory the next piece is for who got the one before, and for nobody else', async () => {
    const buffer = new SharedArrayBuffer(8 + 4);
    const state = () => new Int32Array(buffer).slice(0, 2).join();
    const host = new SharedDriveHost(buffer, new DriveDesk(async () => 'a long answer'));
    const ticket = { epoch: 'new', id: 5, deadline: Date.now() + 60_000 };
    await host.take({ type: 'drive', request: { method: 'get', path: '/' }, ...ticket });
    const first = state();
    await host.take({ type: 'drive-more', ...ticket, epoch: 'old', id: 6 });
    await host.take({ type: 'drive-more', ...ticket, id: 5 });
    await host.take({ type: 'drive-more', ...ticket, id: 7 });
    assert.equal(state(), first);
    await host.take({ type: 'drive-more', ...ticket, id: 6 });
    assert.notEqual(state(), first);
  });

  test('what the worker before left in shared memory answers no request of the next', () => {
    const ids = [1, 2].map(() => {
      const sent: number[] = [];
      const stop = new Error('sent');
      const channel = new SharedDriveChannel(new SharedArrayBuffer(16), ({ id }) => {
        sent.push(id);
        throw stop; // There is nobody who would answer.
      });
      for (let request = 0; request < 3; request += 1) {
        assert.throws(() => channel.ask({ method: 'get', path: '/' }), stop);
      }
      return sent;
    });
    assert.equal(new Set(ids.flat()).size, 6);
  });

  test('base64 there and back, also without the engine’s own', t => {
    const bytes = Uint8Array.from({ length: 100_003 }, (_, at) => (at * 7919) & 255);
    const text = Buffer.from(bytes).toString('base64');
    const native = Uint8Array.prototype as { toBase64?: unknown };
    const kept = native.toBase64;
    t.after(() => kept && Object.assign(native, { toBase64: kept }));
    delete native.toBase64;
    assert.equal(toBase64(bytes), text);
    assert.deepEqual(fromBase64(text), bytes);
    assert.equal(toBase64(new Uint8Array(0)), '');
    assert.deepEqual(fromBase64(text.replace(/(.{76})/g, '$1\n')), bytes);
  });
}

function recent(): void {
  const stat = { size: 1 } as never;
  const [file, other] = [{}, {}];

  function clock() {
    let now = 0;
    return { seen: new Recent<object>(() => now), pass: (ms: number) => void (now += ms) };
  }

  test('a stat serves the getattr of the same call, once, and no other node', () => {
    const { seen } = clock();
    seen.lookedUp(file, stat);
    assert.equal(seen.isSeen(other), false);
    assert.equal(seen.takeStat(file), stat);
    assert.equal(seen.takeStat(file), null);
    seen.lookedUp(file, stat);
    assert.equal(seen.takeStat(other), null);
    assert.equal(seen.takeStat(file), null);
  });

  test('a stat is not kept beyond its call', () => {
    const { seen, pass } = clock();
    seen.lookedUp(file, stat);
    pass(101);
    assert.equal(seen.isSeen(file), false);
    assert.equal(seen.takeStat(file), null);
  });

  test('an opening spares the two stats that belong to it', () => {
    const { seen, pass } = clock();
    seen.lookedUp(file, stat);
    assert.equal(seen.takeOpened(file), false);
    seen.opened(file, stat);
    assert.equal(seen.takeOpened(other), false);
    for (const _ of ['of open', 'of read']) {
      assert.equal(seen.takeOpened(file), true);
      assert.equal(seen.takeStat(file), stat);
    }
    assert.equal(seen.takeOpened(file), false);
    assert.equal(seen.takeStat(file), null);
    seen.opened(file, null);
    pass(101);
    assert.equal(seen.takeOpened(file), false);
  });

  test('a file that was made is empty for the opening that follows', () => {
    const { seen, pass } = clock();
    seen.emptied(file);
    assert.equal(seen.takeEmptied(other), false);
    seen.emptied(file);
    assert.equal(seen.takeEmptied(file), true);
    assert.equal(seen.takeEmptied(file), false);
    seen.emptied(file);
    seen.lookedUp(file, stat);
    assert.equal(seen.takeEmptied(file), false);
    seen.emptied(file);
    pass(101);
    assert.equal(seen.takeEmptied(file), false);
  });

  test('what was closed or written is asked for again', () => {
    const { seen } = clock();
    seen.opened(file, stat);
    seen.emptied(file);
    seen.forget();
    assert.deepEqual([seen.takeOpened(file), seen.takeStat(file), seen.takeEmptied(file)], [false, null, false]);
  });

  test('each name of a listing spares one lookup', () => {
    const { seen, pass } = clock();
    seen.listed(file, [
      { name: 'a', mode: 1 },
      { name: 'b', mode: null },
    ]);
    assert.equal(seen.takeListed(other, 'a'), undefined);
    assert.equal(seen.takeListed(file, 'a'), 1);
    assert.equal(seen.takeListed(file, 'a'), undefined);
    assert.equal(seen.takeListed(file, 'none'), undefined);
    pass(2001);
    assert.equal(seen.takeListed(file, 'b'), undefined);
  });
}
