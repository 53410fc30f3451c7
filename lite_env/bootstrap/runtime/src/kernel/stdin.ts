import { post, type SyncRequest } from '../drive/xhr';
import type { JupyterMessage, StdinSource } from '../protocol';
import { questionOf } from './input';

/** A request that fails sooner did not reach anybody who waits for a user. */
const WAITED_MS = 2000;

/** What the page is told: the answer to which question is wanted. */
export interface StdinRequest {
  /** Id of the `input_request`. */
  readonly question: string;
}

/** What a wait is measured with, and what asks; tests bring their own. */
export interface StdinMeans {
  create(): SyncRequest;
  /** Milliseconds. */
  now(): number;
}

const MEANS: StdinMeans = { create: () => new XMLHttpRequest(), now: () => performance.now() };

/**
 * The answers to `input()` without shared memory: a request that the service worker hands to the page, and that is
 * answered when the user has typed. What the page answers is the `input_reply`, or null when nothing was typed yet:
 * browsers end a service worker that lets a request wait for minutes, so the question is put again, as often as it takes.
 */
export class XhrStdin {
  private sent = 0;

  constructor(
    private readonly source: StdinSource,
    private readonly means: StdinMeans = MEANS
  ) {}

  /** Block until the page answers that question. @throws Error when it cannot be asked. */
  ask(question: string): JupyterMessage {
    for (;;) {
      const reply = this.once({ question });
      if (reply && questionOf(reply) === question) {
        return reply;
      }
    }
  }

  private once(data: StdinRequest): JupyterMessage | null {
    const { url, browsingContextId } = this.source;
    const requestId = `${browsingContextId}-stdin-${(this.sent += 1)}`;
    const began = this.means.now();
    try {
      const body = { data, browsingContextId, requestId };
      const { status, text } = post(this.means.create(), url, { body, headers: {}, seconds: 0 });
      if (status >= 400) {
        throw new Error(`"${url}" answers status ${status}`);
      }
      return JSON.parse(text) as JupyterMessage | null;
    } catch (error) {
      if (this.means.now() - began >= WAITED_MS) {
        return null; // The service worker was ended under a user who thinks.
      }
      throw error;
    }
  }
}
