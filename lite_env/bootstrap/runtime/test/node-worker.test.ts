/** The worker of the Node host for real. This file is also the program of its thread. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { isMainThread, Worker } from 'node:worker_threads';
import { answerInput, INPUT_BYTES, interruptInput } from '../src/kernel/input';
import { INTERRUPT_BYTES, requestInterrupt } from '../src/kernel/interrupt';
import type { FromWorker, JupyterMessage, SharedChannels, ToWorker } from '../src/protocol';
import { GLUE_4, MODULE_4 } from './support/xeus/glue4';
import { makePack, type PackParts } from './support/pack';

if (isMainThread) {
  tests();
} else {
  await import('../src/host/node-worker');
}

/** What blocks by mistake fails. */
const SECONDS = 20;

/** Memory that a test shares with its worker, and what it does when the kernel has said something. */
interface Host {
  readonly shared: SharedChannels;
  hears?(message: JupyterMessage): void;
}

const shared = (): SharedChannels => ({
  interrupt: new SharedArrayBuffer(INTERRUPT_BYTES),
  input: new SharedArrayBuffer(INPUT_BYTES),
});

/** Start a pack in a worker, run cells, and give what they printed. */
async function printed(parts: PackParts, host: Host, ...codes: string[]): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'lite-env-'));
  const { manifest, files } = makePack(parts);
  for (const [path, data] of [...files, ['manifest.json', JSON.stringify(manifest)] as const]) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), data);
  }
  const worker = new Worker(new URL(import.meta.url));
  const late = setTimeout(() => worker.terminate(), SECONDS * 1000);
  try {
    return await converse(worker, folder, host, codes);
  } finally {
    clearTimeout(late);
    await worker.terminate();
    await rm(folder, { recursive: true });
  }
}

function converse(worker: Worker, folder: string, host: Host, codes: readonly string[]): Promise<string[]> {
  const post = (envelope: ToWorker) => worker.postMessage(envelope);
  const texts: string[] = [];
  return new Promise((resolve, reject) => {
    worker.on('error', reject);
    worker.on('exit', () => reject(new Error(`the worker has ended; it said ${JSON.stringify(texts)}`)));
    worker.on('message', (envelope: FromWorker) => {
      if (envelope.type === 'error') {
        reject(new Error(envelope.error.message));
      } else if (envelope.type === 'ready') {
        codes.forEach(code => post({ type: 'message', message: request(code) }));
        post({ type: 'figures' });
      } else if (envelope.type === 'figures') {
        resolve(texts);
      } else if (envelope.type === 'message') {
        host.hears?.(envelope.message);
        if (envelope.message.header.msg_type === 'stream') {
          texts.push(String(envelope.message.content['text']));
        }
      }
    });
    post({ type: 'start', manifest: folder, shared: host.shared });
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
  const parts: PackParts = {
    script: GLUE_4,
    wasm: MODULE_4,
    data: 'data',
    python: '3.13.1',
    shared: { 'libxeus.so': 'with its library' },
  };

  test("a kernel of Emscripten 4 takes Node's worker for a browser's, and reads what it needs by itself", async () => {
    assert.deepEqual(await printed(parts, { shared: shared() }, 'where'), ['worker with its library']);
  });

  test('it is made with the argv of its kernelspec, and finds its files by the names it was built with', async () => {
    const [argv, files] = await printed(parts, { shared: shared() }, 'argv', 'files');
    assert.deepEqual(JSON.parse(argv as string), ['/bin/xtest', '-f', '{connection_file}']);
    assert.match(files as string, /xtest\.wasm\.zst .*xtest\.data\.zst$/);
  });

  test('it shows nothing of its memory, and its locale is UTF-8 all the same', async () => {
    assert.deepEqual(await printed(parts, { shared: shared() }, 'shown', 'locale'), ['nothing', 'C.UTF-8']);
  });

  test('its input() asks the host, and has the answer before it returns', async () => {
    const channels = shared();
    const asked: unknown[] = [];
    const hears = ({ header, content, channel, parent_header }: JupyterMessage) => {
      if (header.msg_type === 'input_request') {
        asked.push([content['prompt'], channel, parent_header['msg_id']]);
        answerInput(channels.input, {
          ...request('reply'),
          header: { msg_id: 'r', msg_type: 'input_reply', session: 's' },
          parent_header: { ...header },
          content: { status: 'ok', value: 'Ada' },
          channel: 'stdin',
        });
      }
    };
    assert.deepEqual(await printed(parts, { shared: channels, hears }, 'input', 'where'), [
      'hello Ada',
      'worker with its library',
    ]);
    assert.deepEqual(asked, [['name? ', 'stdin', 'input']]);
  });

  test('an interrupt reaches a cell that runs, and one that waits for input', async () => {
    const channels = shared();
    const hears = ({ header, content }: JupyterMessage) => {
      if (content['text'] === 'looping') {
        requestInterrupt(channels.interrupt, 2);
      } else if (header.msg_type === 'input_request') {
        requestInterrupt(channels.interrupt, 2);
        interruptInput(channels.input);
      }
    };
    assert.deepEqual(await printed(parts, { shared: channels, hears }, 'loop', 'input'), [
      'looping',
      'KeyboardInterrupt',
      'KeyboardInterrupt ',
    ]);
    assert.equal(new Uint8Array(channels.interrupt)[0], 0, 'it was raised once');
  });
}
