import { describe } from '../errors';
import type { DriveRequest } from '../drive/channel';
import { refusal } from '../drive/shared';
import { newId } from '../ids';
import type { JupyterMessage } from '../protocol';
import { CHANNEL } from '../service/channel';

const CONTROL_MS = 10_000;

/** What the service worker broadcasts of a kernel's blocking request. */
interface Forwarded {
  readonly data?: DriveRequest;
  readonly browsingContextId?: string;
  readonly requestId?: string;
  readonly pathname?: string;
}

/**
 * The page's end of its service worker: answers the requests of this page's kernels, and of no other's. Every kernel
 * has an id of its own, by which its requests come back to it.
 */
export class ServiceBridge {
  readonly browsingContextId = newId();
  private readonly channel = new BroadcastChannel(CHANNEL);
  private readonly awaitingInput: ((reply: JupyterMessage) => void)[] = [];
  private readonly early: JupyterMessage[] = [];

  private constructor(
    private readonly scope: string,
    private readonly answer: ((request: DriveRequest) => Promise<unknown>) | null
  ) {
    this.channel.addEventListener('message', event => void this.take(event.data as Forwarded));
  }

  /** A bridge over the service worker at `url`, or over the one that the page has; the reason when there is none. */
  static async open(
    url: string | null | undefined,
    answer: ((request: DriveRequest) => Promise<unknown>) | null
  ): Promise<ServiceBridge | string> {
    const scope = await controlled(url);
    return typeof scope === 'string' ? scope : new ServiceBridge(scope.href, answer);
  }

  get driveUrl(): string {
    return new URL('api/drive', this.scope).href;
  }

  get stdinUrl(): string {
    return new URL('api/stdin/kernel', this.scope).href;
  }

  /** Hand the reply to the kernel that waits for it. */
  answerInput(reply: JupyterMessage): void {
    const waiting = this.awaitingInput.shift();
    if (waiting) {
      waiting(reply);
    } else {
      this.early.push(reply);
    }
  }

  /** Forget questions whose kernel is gone. */
  reset(): void {
    this.awaitingInput.length = 0;
    this.early.length = 0;
  }

  close(): void {
    this.channel.close();
  }

  private async take({ data, browsingContextId, requestId, pathname }: Forwarded): Promise<void> {
    if (browsingContextId !== this.browsingContextId || pathname === undefined) {
      return; // Another page's, or an answer.
    }
    let response: unknown;
    if (pathname.includes('/api/stdin/')) {
      response = await this.nextInput();
    } else if (this.answer && data) {
      response = await this.answer(data).catch(refusal);
    } else {
      response = refusal(new Error('this page has no drive'));
    }
    this.channel.postMessage({ response: response ?? null, browsingContextId, requestId });
  }

  private nextInput(): Promise<JupyterMessage> {
    const early = this.early.shift();
    return early ? Promise.resolve(early) : new Promise(resolve => this.awaitingInput.push(resolve));
  }
}

/** The scope of the service worker that answers this page's workers; the reason in words where there is none. */
async function controlled(url: string | null | undefined): Promise<URL | string> {
  const { serviceWorker } = navigator as { serviceWorker?: ServiceWorkerContainer };
  if (!serviceWorker) {
    return isSecureContext ? 'this browser has no service workers here' : 'the page is not served over https';
  }
  if (url === null) {
    return 'the page has no service worker';
  }
  try {
    const registration = url ? await serviceWorker.register(url) : await serviceWorker.getRegistration();
    if (!registration) {
      return 'the page has no service worker';
    }
    // A page that was reloaded past its cache is not controlled, but its workers are, by their own URL.
    const isThere = registration.active !== null || (await activated(serviceWorker));
    return isThere ? new URL(registration.scope) : 'the service worker does not take over';
  } catch (error) {
    return `the service worker could not be registered: ${describe(error)}`;
  }
}

/** Whether a service worker that is being installed takes over soon. */
function activated(container: ServiceWorkerContainer): Promise<boolean> {
  if (container.controller) {
    return Promise.resolve(true);
  }
  return new Promise(resolve => {
    const timer = setTimeout(() => resolve(container.controller !== null), CONTROL_MS);
    container.addEventListener(
      'controllerchange',
      () => {
        clearTimeout(timer);
        resolve(true);
      },
      { once: true }
    );
  });
}
