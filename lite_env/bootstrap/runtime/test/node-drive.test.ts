/** The drive of a kernel in Node, on a server. This file is also the program of the thread that blocks. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { DriveEnvelope } from '../src/drive/channel';
import { SharedDriveChannel } from '../src/drive/shared';
import { NodeDrive } from '../src/host/node-drive';

const METHODS = ['lookup', 'get', 'rmdir'] as const;

if (isMainThread) {
  tests();
} else {
  const { buffer, seconds } = workerData as { buffer: SharedArrayBuffer; seconds?: number };
  const limit = seconds === undefined ? undefined : () => seconds;
  const channel = new SharedDriveChannel(buffer, envelope => parentPort?.postMessage(envelope), limit);
  for (const method of METHODS) {
    try {
      parentPort?.postMessage({ answer: channel.ask({ method, path: '/f' }) });
    } catch (error) {
      parentPort?.postMessage({ answer: (error as Error).name });
    }
  }
}

/** What a blocked worker gets for each of `METHODS` from a server on loopback. */
async function answers(serve: RequestListener, seconds?: number): Promise<unknown[]> {
  const server = createServer(serve).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const drive = seconds === undefined ? new NodeDrive() : new NodeDrive(() => seconds);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/drive`;
  const common = { driveName: '', mountpoint: '/drive' };
  const source = { ...common, kind: 'xhr', url, headers: { 'x-token': 't' }, browsingContextId: 'run' } as const;
  const { drive: told } = drive.link({ drive: source, stdin: null });
  assert.ok(told?.kind === 'shared');
  const worker = new Worker(new URL(import.meta.url), { workerData: { buffer: told.buffer, seconds } });
  const got: unknown[] = [];
  worker.on('message', (message: DriveEnvelope | { answer: unknown }) => {
    'answer' in message ? got.push(message.answer) : drive.take(message);
  });
  await once(worker, 'exit');
  server.closeAllConnections();
  server.close();
  return got;
}

async function bodyOf(request: IncomingMessage) {
  const pieces = await request.toArray();
  return JSON.parse(Buffer.concat(pieces as Buffer[]).toString());
}

function tests(): void {
  test('answers, long ones and refusals come to a worker that waits', async () => {
    const long = 'ü'.repeat(3 << 20);
    const got = await answers(async (request, response) => {
      const { data } = await bodyOf(request);
      assert.equal(request.headers['x-token'], 't');
      const refused = { error: { code: 'ENOTEMPTY', message: 'full' } };
      response.statusCode = data.method === 'rmdir' ? 409 : 200;
      response.end(JSON.stringify({ lookup: { ok: true }, get: long, rmdir: refused }[data.method as 'get']));
    });
    assert.deepEqual(got, [{ ok: true }, long, 'ENOTEMPTY']);
  });

  test('a connection that the server has closed meanwhile is opened again', async () => {
    const served = new Map<unknown, number>();
    const got = await answers(async (request, response) => {
      const { socket } = request;
      const count = (served.get(socket) ?? 0) + 1;
      served.set(socket, count);
      if (count > 1) {
        socket.resetAndDestroy();
        return;
      }
      response.end(JSON.stringify((await bodyOf(request)).data.method));
    });
    assert.deepEqual(got, [...METHODS]);
    assert.equal(served.size, METHODS.length);
  });

  test('a server that is silent is EIO in time, and hinders nobody after it', async () => {
    const got = await answers(async (request, response) => {
      const { data } = await bodyOf(request);
      if (data.method !== 'lookup') {
        response.end(JSON.stringify(data.method));
      }
    }, 0.5);
    assert.deepEqual(got, ['EIO', 'get', 'rmdir']);
  });

  test('a server that is gone is EIO, and nobody waits for ever', async () => {
    assert.deepEqual(await answers(request => request.socket.destroy()), ['EIO', 'EIO', 'EIO']);
  });
}
