/** Entry of the Node worker thread: looks like a browser's worker to the kernel's glue. */
import { join } from 'node:path';
import { parentPort, Worker } from 'node:worker_threads';
import { describe } from '../errors';
import { NodeTransport } from '../io/node';
import { grantOf } from '../network/grant';
import { limitWays } from '../network/limited';
import type { FromWorker, ToWorker } from '../protocol';
import { Session } from '../session';
import { fileShelf, folderShelf } from '../snapshot/node-shelf';
import { loadInstaller, type Helper } from '../session/install';
import { pinChance } from './chance';
import { pretendBrowserWorker } from './worker-scope';

const port = parentPort;
if (!port) {
  throw new Error('node-worker.mjs is started by node-host.mjs');
}
const scope = globalThis as unknown as Record<string, unknown>;

/** As a browser's: events that carry what Node gives. */
function startHelper(address: string): Helper {
  const worker = new Worker(new URL(address));
  return {
    postMessage: message => worker.postMessage(message),
    addEventListener: (type, listener) =>
      void worker.on(type, (given: unknown) => listener(type === 'message' ? { data: given } : { message: describe(given) })),
    terminate: () => worker.terminate(),
  };
}

const session = new Session(scope as never, {
  emit: (envelope: FromWorker) => port.postMessage(envelope),
  transport: folder => new NodeTransport(folder),
  locate: (folder, path) => join(folder, path),
  shelf: (folder, file) => (file !== null ? fileShelf(file) : folder === null ? null : folderShelf(folder)),
  installer: () => loadInstaller(new URL('installer.js', import.meta.url).href, url => import(url), startHelper),
});

// A program's forgotten promise must not end the kernel, as it does not in a browser.
process.on('unhandledRejection', reason => session.stray(reason));
port.on('message', (envelope: ToWorker) => {
  if (envelope.type === 'start') {
    pretendBrowserWorker(scope, envelope.manifest);
    if (envelope.snapshotFile) {
      pinChance(scope);
    }
    if (envelope.network && envelope.network !== 'all') {
      limitWays(scope, grantOf(envelope.network));
    }
  }
  session.receive(envelope);
});
