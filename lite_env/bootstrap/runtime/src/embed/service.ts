import { describe } from '../errors';
import { refusal, type DriveRequest, type Ticket } from '../drive/channel';
import type { DriveDesk } from '../drive/desk';
import { newId } from '../ids';
import { questionOf } from '../kernel/input';
import type { StdinRequest } from '../kernel/stdin';
import type { JupyterMessage } from '../protocol';
import { CHANNEL, CLAIM } from '../service/channel';
import { soon } from '../soon';

const CONTROL_MS = 10_000;
/** One that does not know the question, as JupyterLite's, does not answer. */
const CLAIM_MS = 2_000;
/** The browser waits for the script's server as long as that likes. */
const REGISTER_MS = 20_000;

/** How long a service worker is let wait for a user: browsers end one that is busy for five minutes. */
const ASK_AGAIN_MS = 60_000;

/** What the service worker broadcasts of a kernel's blocking request. */
interface Forwarded extends Partial<Ticket> {
  readonly data?: DriveRequest | StdinRequest;
  readonly browsingContextId?: string;
  readonly requestId?: string;
  readonly pathname?: string;
}

type GiveReply = (reply: JupyterMessage | null) => void;

/**
 * The page's end of its service worker: answers the requests of this page's kernels, and of no other's. Every worker
 * has an id of its own, by which its requests come back to it; those of one that was ended are nobody's.
 */
export class ServiceBridge {
  private worker = newId();
  private closed = false;
  private readonly channel = new BroadcastChannel(CHANNEL);
  /** Who waits for the answer to which question. */
  private readonly awaitingInput = new Map<string, GiveReply>();
  /**
   * Answers of the cell that runs. One may come between two requests for it, and one that was given may not arrive, since
   * browsers end service workers: then its question is put again.
   */
  private readonly answers = new Map<string, JupyterMessage>();

  private constructor(
    private readonly service: Service,
    private readonly desk: DriveDesk | null
  ) {
    this.channel.addEventListener('message', event => void this.take(event.data as Forwarded));
  }

  /** A bridge over the service worker at `url`, or over the one that the page has; the reason when there is none. */
  static async open(
    url: string | null | undefined,
    desk: DriveDesk | null
  ): Promise<ServiceBridge | string> {
    const service = await findService(url);
    return typeof service === 'string' ? service : new ServiceBridge(service, desk);
  }

  /**
   * Have the service worker take charge of a worker, once that runs. Of one that was being made when the service worker
   * came it would not be: what that asks would go to the server.
   */
  async claim(running: Promise<void>): Promise<void> {
    const { late } = this.service;
    if (late) {
      await running;
      const { port1, port2 } = new MessageChannel();
      const claimed = new Promise<void>(resolve => (port1.onmessage = () => resolve()));
      late.postMessage(CLAIM, [port2]);
      await soon(claimed, CLAIM_MS, () => undefined);
      port1.close();
    }
  }

  /** Of the worker that is answered; it tells pages of one origin apart, and a worker from the ones before it. */
  get browsingContextId(): string {
    return this.worker;
  }

  get driveUrl(): string {
    return new URL('api/drive', this.service.scope).href;
  }

  get stdinUrl(): string {
    return new URL('api/stdin/kernel', this.service.scope).href;
  }

  /** Hand the reply to the kernel that waits for it; it names its question. */
  answerInput(reply: JupyterMessage): void {
    const question = questionOf(reply);
    this.answers.set(question, reply);
    this.awaitingInput.get(question)?.(reply);
  }

  /** The cell is over. */
  forgetInput(): void {
    this.answers.clear();
  }

  /** Another worker follows: what the one before asks is not heard any more. */
  begin(): void {
    this.worker = newId();
    this.awaitingInput.forEach(give => give(null));
    this.answers.clear();
  }

  close(): void {
    this.begin();
    this.closed = true;
    this.channel.close();
  }

  private async take(forwarded: Forwarded): Promise<void> {
    const { data, browsingContextId, requestId, pathname, epoch } = forwarded;
    if (browsingContextId !== this.worker || pathname === undefined) {
      return; // Another page's, or an answer.
    }
    let response: unknown;
    if (pathname.includes('/api/stdin/')) {
      response = await this.nextInput((data as Partial<StdinRequest> | undefined)?.question ?? '');
    } else if (this.desk && data && epoch !== undefined) {
      const answer = await this.desk.take(forwarded as Ticket, data as DriveRequest);
      if (answer === null) {
        return; // Its worker has ended.
      }
      response = JSON.parse(answer);
    } else {
      response = refusal(new Error('this page has no drive'));
    }
    if (this.closed) {
      return; // Whose worker it was, it is ended.
    }
    const reply = (response: unknown) => this.channel.postMessage({ response, browsingContextId, requestId });
    try {
      reply(response ?? null);
    } catch (error) {
      reply(refusal(error)); // What cannot be sent must not leave the worker waiting.
    }
  }

  /** Null where nothing was typed for so long that the worker shall ask again. */
  private nextInput(question: string): Promise<JupyterMessage | null> {
    const answer = this.answers.get(question);
    if (answer) {
      return Promise.resolve(answer);
    }
    return new Promise(resolve => {
      const give: GiveReply = reply => {
        clearTimeout(timer);
        if (this.awaitingInput.get(question) === give) {
          this.awaitingInput.delete(question);
        }
        resolve(reply);
      };
      const timer = setTimeout(() => give(null), ASK_AGAIN_MS);
      this.awaitingInput.set(question, give);
    });
  }
}

/** A service worker that answers this page's workers. */
interface Service {
  readonly scope: string;
  /** Asked to take charge; null where it was in charge before there was a worker. */
  readonly late: ServiceWorker | null;
}

/** The reason in words where there is none. */
async function findService(url: string | null | undefined): Promise<Service | string> {
  const { serviceWorker } = navigator as { serviceWorker?: ServiceWorkerContainer };
  if (!serviceWorker) {
    return isSecureContext ? 'this browser has no service workers here' : 'the page is not served over https';
  }
  if (url === null) {
    return 'the page has no service worker';
  }
  try {
    // One that is in charge is not registered again, which would ask the server for a newer one while the kernel starts.
    const { controller } = serviceWorker;
    const isInCharge = controller && url && controller.scriptURL === new URL(url, location.href).href;
    const found = isInCharge || !url ? serviceWorker.getRegistration() : serviceWorker.register(url);
    const registration = await soon<ServiceWorkerRegistration | undefined>(found, REGISTER_MS, () => {
      throw new Error(`${url ? `the server sends nothing for "${url}"` : 'the browser tells of none'} within ${REGISTER_MS / 1000} seconds`);
    });
    if (!registration) {
      return 'the page has no service worker';
    }
    // A page that was reloaded past its cache is not controlled, but its workers are, by their own URL.
    const isActive = registration.active !== null || (await activated(serviceWorker));
    const late = controller && !url ? null : registration.active;
    return isActive ? { scope: registration.scope, late } : 'the service worker does not take over';
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
