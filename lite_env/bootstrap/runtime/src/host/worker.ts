/** Entry of the browser's classic worker. */
import { BrowserTransport, resolvePath } from '../io/browser';
import type { FromWorker, ToWorker } from '../protocol';
import { Session } from '../session';

const scope = globalThis as unknown as {
  postMessage(message: FromWorker): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<ToWorker>) => void): void;
  addEventListener(type: 'unhandledrejection', listener: (event: PromiseRejectionEvent) => void): void;
};
const post = scope.postMessage.bind(scope);
const base = (manifest: string) => new URL('.', new URL(manifest, location.href)).href;

const session = new Session(scope as never, {
  emit: post,
  transport: manifest => new BrowserTransport(base(manifest)),
  locate: (manifest, path) => resolvePath(path, base(manifest)),
});
scope.addEventListener('message', event => {
  session.receive(event.data);
});
scope.addEventListener('unhandledrejection', event => {
  session.stray(event.reason);
});
