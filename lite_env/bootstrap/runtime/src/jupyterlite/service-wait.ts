import { soon } from '../soon';
import type { ServiceWorkerManager } from './host-types';

/** Longer than it takes to register one, and no longer than a person waits without a word. */
const WAIT_MS = 10_000;

/** What is asked of `navigator.serviceWorker`. */
export interface Container {
  readonly controller: unknown;
  addEventListener(type: 'controllerchange', listener: () => void, options: AddEventListenerOptions): void;
}

/**
 * Wait until the site's service worker answers this page's requests; null when it does, else why not. The application's
 * own promise may never settle, and rejects with nothing.
 */
export async function untilControlled(
  manager: ServiceWorkerManager | null,
  container: Container | undefined,
  ms = WAIT_MS
): Promise<string | null> {
  if (!container) {
    return isSecureContext ? 'this browser has no service workers here' : 'the page is not served over https';
  }
  if (container.controller) {
    return null;
  }
  if (!manager) {
    return 'this site has its service worker turned off';
  }
  const end = new AbortController();
  const registered = manager.ready.then(
    () => new Promise<null>(resolve => onControl(container, end.signal, () => resolve(null))),
    () => 'its service worker could not be registered'
  );
  const late = () => (manager.enabled ? 'its service worker does not take over' : 'its service worker does not start');
  return soon<string | null>(registered, ms, () => (container.controller ? null : late())).finally(() => end.abort());
}

function onControl(container: Container, signal: AbortSignal, then: () => void): void {
  if (container.controller) {
    then();
    return;
  }
  container.addEventListener('controllerchange', then, { once: true, signal });
}
