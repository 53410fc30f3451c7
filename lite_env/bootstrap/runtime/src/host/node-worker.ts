/** Entry of the Node worker thread: looks like a browser's worker to the kernel's glue. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parentPort } from 'node:worker_threads';
import { NodeTransport } from '../io/node';
import type { FromWorker, ToWorker } from '../protocol';
import { Session } from '../session';

const port = parentPort;
if (!port) {
  throw new Error('node-worker.mjs is started by node-host.mjs');
}
const scope = globalThis as unknown as Record<string, unknown>;

const session = new Session(scope as never, {
  emit: (envelope: FromWorker) => port.postMessage(envelope),
  transport: folder => new NodeTransport(folder),
  locate: (folder, path) => join(folder, path),
});

// A program's forgotten promise must not end the kernel, as it does not in a browser.
process.on('unhandledRejection', reason => session.stray(reason));
port.on('message', (envelope: ToWorker) => {
  if (envelope.type === 'start') {
    pretendBrowserWorker(envelope.manifest);
  }
  session.receive(envelope);
});

/** The glue of an Emscripten kernel for the web asks for these before it does anything. */
function pretendBrowserWorker(folder: string): void {
  scope['self'] = globalThis;
  scope['location'] = { href: pathToFileURL(join(folder, 'worker.js')).href };
  scope['importScripts'] = () => {
    throw new Error('importScripts is not available in Node');
  };
  // Emscripten takes a `process` with `versions.node` for a Node build of its own.
  scope['process'] = undefined;
}
