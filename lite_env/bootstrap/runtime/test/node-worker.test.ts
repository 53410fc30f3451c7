/** The worker of the Node host for real. This file is also the program of its thread. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { isMainThread, Worker } from 'node:worker_threads';
import type { FromWorker, JupyterMessage, ToWorker } from '../src/protocol';
import { GLUE_4 } from './support/xeus/glue4';
import { makePack, type PackParts } from './support/pack';

if (isMainThread) {
  tests();
} else {
  await import('../src/host/node-worker');
}

/** Start a pack in a worker, run cells, and give what they printed. */
async function printed(parts: PackParts, ...codes: string[]): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'lite-env-'));
  const { manifest, files } = makePack(parts);
  for (const [path, data] of [...files, ['manifest.json', JSON.stringify(manifest)] as const]) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), data);
  }
  const worker = new Worker(new URL(import.meta.url));
  try {
    return await converse(worker, folder, codes);
  } finally {
    await worker.terminate();
    await rm(folder, { recursive: true });
  }
}

function converse(worker: Worker, folder: string, codes: readonly string[]): Promise<string[]> {
  const post = (envelope: ToWorker) => worker.postMessage(envelope);
  const texts: string[] = [];
  return new Promise((resolve, reject) => {
    worker.on('error', reject);
    worker.on('message', (envelope: FromWorker) => {
      if (envelope.type === 'error') {
        reject(new Error(envelope.error.message));
      } else if (envelope.type === 'ready') {
        codes.forEach(code => post({ type: 'message', message: request(code) }));
        post({ type: 'figures' });
      } else if (envelope.type === 'figures') {
        resolve(texts);
      } else if (envelope.type === 'message' && envelope.message.header.msg_type === 'stream') {
        texts.push(String(envelope.message.content['text']));
      }
    });
    post({ type: 'start', manifest: folder });
  });
}

function request(code: string): JupyterMessage {
  return {
    header: { msg_id: code, msg_type: 'execute_request', session: 's' },
    parent_header: {},
    metadata: {},
    content: { code },
    channel: 'shell',
  };
}

function tests(): void {
  test("a kernel of Emscripten 4 takes Node's worker for a browser's, and reads what it needs by itself", async () => {
    const parts = { script: GLUE_4, shared: { 'libxeus.so': 'with its library' } };
    assert.deepEqual(await printed(parts, 'where'), ['worker with its library']);
  });
}
