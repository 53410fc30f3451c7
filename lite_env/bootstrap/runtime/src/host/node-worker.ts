/** Entry of the Node worker thread: looks like a browser's worker to the kernel's glue. */
import { join } from 'node:path';
import { parentPort } from 'node:worker_threads';
import { NodeTransport } from '../io/node';
import type { FromWorker, ToWorker } from '../protocol';
import { Session } from '../session';
import { loadInstaller } from '../session/install';
import { pretendBrowserWorker } from './worker-scope';

const port = parentPort;
if (!port) {
  throw new Error('node-worker.mjs is started by node-host.mjs');
}
const scope = globalThis as unknown as Record<string, unknown>;

const session = new Session(scope as never, {
  emit: (envelope: FromWorker) => port.postMessage(envelope),
  transport: folder => new NodeTransport(folder),
  locate: (folder, path) => join(folder, path),
  installer: () => loadInstaller(new URL('installer.js', import.meta.url).href, url => import(url)),
});

// A program's forgotten promise must not end the kernel, as it does not in a browser.
process.on('unhandledRejection', reason => session.stray(reason));
port.on('message', (envelope: ToWorker) => {
  if (envelope.type === 'start') {
    pretendBrowserWorker(scope, envelope.manifest);
  }
  session.receive(envelope);
});
