/**
 * Makes the page cross-origin isolated where the host sets no headers: waits for the site's service worker, which sets
 * them, and loads the page once more. It runs before the application is loaded, and never twice for one build in a tab;
 * but once besides where the worker of a build before has to be made to go.
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
/** Sometimes Chromium leaves a worker in its place that another one has told to go, until the page is loaded again. */
const HELD_MS = 3_000;
const HELD_KEY = 'lite-env isolate held';
const HELD = 'the service worker of a build before does not go';

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
  let heldMs: number;
  try {
    heldMs = page.session.getItem(HELD_KEY) === build ? Infinity : HELD_MS;
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
  const reason = await soon(takeOver(page, page.serviceWorker, url, root, { until, heldMs }), ms, () => 'its service worker takes too long');
  if (reason !== null && reason !== HELD) {
    return reason;
  }
  if (Date.now() - began > UNTOUCHED_MS && page.isTouched()) {
    return 'its service worker came when somebody had begun to work in it; it will be when it is loaded again';
  }
  try {
    page.session.setItem(reason === HELD ? HELD_KEY : KEY, build);
  } catch {
    return NO_STORAGE;
  }
  page.reload();
  return null;
}

/** Wait until the worker that sets headers answers this page's requests; null when it does, `HELD` when it is kept from it. */
async function takeOver(
  page: IsolationPage,
  container: ServiceWorkerContainer,
  url: URL,
  root: URL,
  { until, heldMs }: { until: number; heldMs: number }
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
  let ready: number | null = null;
  while (Date.now() < until) {
    // Asked before the probe: a worker that takes over in between is seen by the probe.
    const isLast = isSettled(registration);
    if (container.controller && (await isOurs(page, root))) {
      return null;
    }
    if (isLast && container.controller) {
      break;
    }
    ready = registration.waiting ? (ready ?? Date.now()) : null;
    if (ready !== null && Date.now() - ready > heldMs) {
      return HELD;
    }
    await nextController(container);
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
