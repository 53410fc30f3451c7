/** The page's side of its service worker: registration, why there is none, and a new deployment's take-over. */
import { describe } from '../errors';
import { KEEP } from '../service/channel';
import { soon } from '../soon';
import type { Problem } from './problems';

/** Milliseconds after which the start is waited for no more. */
const LATEST_MS = 30_000;

export interface SiteWorkerEvents {
  /**
   * Settles with the kernel's start, which comes first: to keep the page's files, and to ask for a newer service worker,
   * takes what the start could use. A drive that needs the service worker registers it by itself.
   */
  readonly started: Promise<unknown>;
  problem(problem: Problem): void;
  /** Another deployment is in charge of this page now. */
  replaced(): void;
}

/** Register the service worker at `url`; a page without one works, and says what it lacks. */
export async function registerSiteWorker(url: string, events: SiteWorkerEvents): Promise<void> {
  const { serviceWorker } = navigator as { serviceWorker?: ServiceWorkerContainer };
  if (!serviceWorker) {
    events.problem(
      without(
        isSecureContext
          ? 'this browser has no service workers, as in some private windows'
          : 'this address is plain http',
        isSecureContext
          ? 'use an ordinary window'
          : 'serve the site over https, or open it by http://localhost or http://127.0.0.1'
      )
    );
    return;
  }
  // The first take-over of a page that was loaded without a service worker is no new deployment.
  let hadOne = serviceWorker.controller !== null;
  serviceWorker.addEventListener('controllerchange', () => {
    if (hadOne) {
      events.replaced();
    }
    hadOne = true;
  });
  try {
    await soon(events.started, LATEST_MS, () => undefined);
    await serviceWorker.register(url);
    (await serviceWorker.ready).active?.postMessage(KEEP);
  } catch (error) {
    // With the server dead the one that is there goes on; its check for a newer one is what fails.
    if (!serviceWorker.controller) {
      events.problem(
        without(
          describe(error),
          `allow this site to store data, and see that "${url}" is deployed beside the page`,
          url
        )
      );
    }
  }
}

function without(reason: string, hint: string, file: string | null = null): Problem {
  return {
    name: 'NoServiceWorker',
    message: `${reason}: nothing is kept for the next visit, which will load everything again`,
    file,
    hint,
    fatal: false,
  };
}
