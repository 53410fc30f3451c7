/** Entry of the browser's classic worker. */
import { BrowserTransport } from '../io/browser';
import type { FromWorker, ToWorker } from '../protocol';
import { Session } from '../session';

const scope = globalThis as unknown as {
  postMessage(message: FromWorker): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<ToWorker>) => void): void;
};
const post = scope.postMessage.bind(scope);
const base = (manifest: string) => new URL('.', new URL(manifest, location.href)).href;

const session = new Session(scope as never, {
  emit: post,
  transport: manifest => new BrowserTransport(base(manifest)),
  locate: (manifest, path) => new URL(path, base(manifest)).href,
});
scope.addEventListener('message', event => {
  session.receive(event.data);
});
