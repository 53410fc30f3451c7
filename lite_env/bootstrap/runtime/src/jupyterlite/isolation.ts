/**
 * Makes the page cross-origin isolated where the host sets no headers: waits for the site's service worker, which sets
 * them, and loads the page once more. It runs before the application is loaded, and never twice for one build in a tab.
 */
import { PROBE, PROBE_ANSWER } from '../isolate/headers';
import { soon } from '../soon';

/** Longer than a registration takes on a slow link or a busy machine. */
const WAIT_MS = 30_000;
/** Within it nobody has begun to work; after it a page is loaded again only where nobody has touched it. */
const UNTOUCHED_MS = 5_000;
const KEY = 'lite-env isolate';
const NO_STORAGE = 'the tab has no storage, without which it could be loaded again and again';
const AGAIN_MS = 200;
const VISIT_MS = 1_000;

/** What is asked of the page. */
export interface IsolationPage {
  readonly crossOriginIsolated: boolean;
  /** Whether the page is in a frame of one that is not isolated: then it cannot be. */
  readonly isFramed: boolean;
  readonly serviceWorker: ServiceWorkerContainer | undefined;
  readonly session: Pick<Storage, 'getItem' | 'setItem'>;
  readonly local: Pick<Storage, 'setItem'>;
  /** The application's settings, of `jupyter-config-data`. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Whether somebody has clicked or typed in it. */
  isTouched(): boolean;
  fetch(url: string): Promise<Response>;
  /** Have an address loaded as a page, unseen; ends also where that does not. */
  visit(url: string): Promise<void>;
  reload(): void;
}

/** Load the page again if that isolates it; null where it is isolated or will be at once, else why not. */
export async function isolate(page: IsolationPage, root: URL, build: string, ms = WAIT_MS): Promise<string | null> {
  if (page.crossOriginIsolated) {
    return null;
  }
  if (page.isFramed) {
    return 'it is in a frame of a page that is not isolated itself';
  }
  if (!page.serviceWorker) {
    return 'there are no service workers here: the page is not served over https, or the browser has none';
  }
  try {
    if (page.session.getItem(KEY) === build) {
      return 'it was loaded once more for that, which did not help';
    }
  } catch {
    return NO_STORAGE;
  }
  const cache = String(page.settings['enableServiceWorkerCache'] || 'false');
  // The very address that JupyterLite registers, so that there is one registration.
  const url = new URL('service-worker.js', root);
  url.searchParams.set('enableCache', cache);
  try {
    // Without it JupyterLite takes the worker for one of another version, and drops it in the middle of this.
    page.local.setItem(`${url.href}-version`, String(page.settings['appVersion'] ?? ''));
  } catch {
    return NO_STORAGE;
  }
  const began = Date.now();
  const until = began + ms;
  const reason = await soon(takeOver(page, page.serviceWorker, url, root, until), ms, () => 'its service worker takes too long');
  if (reason !== null) {
    return reason;
  }
  if (Date.now() - began > UNTOUCHED_MS && page.isTouched()) {
    return 'its service worker came when somebody had begun to work in it; it will be when it is loaded again';
  }
  try {
    page.session.setItem(KEY, build);
  } catch {
    return NO_STORAGE;
  }
  page.reload();
  return null;
}

/** Wait until the worker that sets headers answers this page's requests; null when it does. */
async function takeOver(
  page: IsolationPage,
  container: ServiceWorkerContainer,
  url: URL,
  root: URL,
  until: number
): Promise<string | null> {
  let registration: ServiceWorkerRegistration;
  try {
    registration = await container.register(url.href);
    if (container.controller && (await isOurs(page, root))) {
      return null;
    }
    if (container.controller) {
      // One of a build before: the browser looks for another one now, and not within a day.
      await registration.update();
    }
  } catch {
    return 'its service worker could not be registered';
  }
  while (Date.now() < until) {
    // Asked before the probe: a worker that takes over in between is seen by the probe.
    const isLast = isSettled(registration);
    if (container.controller && (await isOurs(page, root))) {
      return null;
    }
    if (isLast && container.controller) {
      break;
    }
    await nextController(container);
    if (registration.waiting) {
      // On a busy machine Chromium may leave the worker of before in its place, idle as it is, until it is asked for a page:
      // neither what this page fetches nor a message makes it look.
      await page.visit(new URL(PROBE, root).href);
    }
  }
  return 'its service worker is not the one of this build';
}

/** Whether no other worker is on its way. */
function isSettled({ installing, waiting, active }: ServiceWorkerRegistration): boolean {
  return !installing && !waiting && active?.state === 'activated';
}

/** Until another worker answers, or a while has passed: the event may have come before. */
function nextController(container: ServiceWorkerContainer): Promise<void> {
  const changed = new Promise<void>(resolve =>
    container.addEventListener('controllerchange', () => resolve(), { once: true })
  );
  return soon(changed, AGAIN_MS, () => undefined);
}

async function isOurs(page: IsolationPage, root: URL): Promise<boolean> {
  try {
    const response = await page.fetch(new URL(PROBE, root).href);
    return response.ok && (await response.text()) === PROBE_ANSWER;
  } catch {
    return false;
  }
}

/** The page that this script runs in. */
export function thisPage(): IsolationPage {
  return {
    crossOriginIsolated,
    isFramed: window.parent !== window && !isIsolated(window.parent),
    serviceWorker: navigator.serviceWorker as ServiceWorkerContainer | undefined,
    // Where storage is forbidden, to name it throws; so only when it is used.
    session: storage(() => sessionStorage),
    local: storage(() => localStorage),
    settings: settings(),
    isTouched: watchTouches(),
    fetch: url => fetch(url, { cache: 'no-store' }),
    visit: visitUnseen,
    reload: () => location.reload(),
  };
}

/** From now on; `navigator.userActivation` would take what a debugger evaluates for a click. */
function watchTouches(): () => boolean {
  let isTouched = false;
  for (const event of ['pointerdown', 'keydown']) {
    window.addEventListener(event, () => (isTouched = true), { capture: true, once: true });
  }
  return () => isTouched;
}

async function visitUnseen(url: string): Promise<void> {
  const frame = document.createElement('iframe');
  frame.hidden = true;
  frame.src = url;
  const loaded = new Promise<void>(resolve => frame.addEventListener('load', () => resolve(), { once: true }));
  document.documentElement.append(frame);
  await soon(loaded, VISIT_MS, () => undefined);
  frame.remove();
}

function isIsolated(other: Window): boolean {
  try {
    return (other as unknown as { crossOriginIsolated: boolean }).crossOriginIsolated;
  } catch {
    return false;
  }
}

function storage(of: () => Storage): Pick<Storage, 'getItem' | 'setItem'> {
  return { getItem: key => of().getItem(key), setItem: (key, value) => of().setItem(key, value) };
}

function settings(): Record<string, unknown> {
  try {
    return JSON.parse(document.getElementById('jupyter-config-data')?.textContent ?? '{}') as Record<string, unknown>;
  } catch {
    return {};
  }
}
