/** Entry of the browser's worker, which a page makes as a classic one or as a module. */
import { beat } from '../pulse';
import type { Failure } from '../errors';
import { BrowserTransport, resolvePath } from '../io/browser';
import { openCache } from '../io/cache';
import { KeptTransport } from '../io/kept';
import { createWorker } from './create-worker';
import type { WorkerKind } from '../pack/manifest';
import type { FromWorker, ToWorker } from '../protocol';
import { Session } from '../session';
import { loadInstaller } from '../session/install';
import { browserShelf } from '../snapshot/browser-shelf';

const scope = globalThis as unknown as {
  postMessage(message: FromWorker): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<ToWorker>) => void): void;
  addEventListener(type: 'unhandledrejection', listener: (event: PromiseRejectionEvent) => void): void;
};
declare function importScripts(...urls: string[]): void;

/** A worker that is a module has the function, too, and refuses every call of it. */
function kindOfWorker(): WorkerKind {
  try {
    importScripts();
    return 'classic';
  } catch {
    return 'module';
  }
}

const post = scope.postMessage.bind(scope);
const base = (manifest: string) => new URL('.', new URL(manifest, location.href)).href;

let kept: KeptTransport | null = null;
const keepFiles = (base: string, manifest: Uint8Array | null) => {
  const refused = (error: Failure) => post({ type: 'error', error, fatal: false });
  kept = new KeptTransport(new BrowserTransport(base), { base, open: openCache, refused, manifest });
  return kept;
};

const kind = kindOfWorker();
const session = new Session(scope as never, {
  worker: kind,
  installer: runtime =>
    loadInstaller(
      new URL('installer.js', runtime ?? location.href).href,
      url => (kind === 'classic' ? importScripts(url) : import(url)),
      address => createWorker(new URL(address), 'classic')
    ),
  emit: envelope => {
    post(envelope);
    kept?.note(envelope);
  },
  transport: (manifest, data) => keepFiles(base(manifest), data),
  locate: (manifest, path) => resolvePath(path, base(manifest)),
  shelf: () => browserShelf(),
});
scope.addEventListener('message', event => {
  if (event.data.type === 'start') {
    beat(event.data.pulse, () => post({ type: 'pulse' }));
  }
  session.receive(event.data);
});
scope.addEventListener('unhandledrejection', event => {
  session.stray(event.reason);
});
