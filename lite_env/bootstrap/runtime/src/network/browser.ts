/** Sends a kernel's requests as a page can: by fetch, which tells little of why there is no answer. */
import { describe } from '../errors';
import { soon } from '../soon';
import { NetworkFailure, type NetworkRequest, type Send } from './channel';
import { isForbidden } from './forbidden';
import { isMixed } from './mixed';

const PROBE_MS = 5000;
const REPORT_MS = 250;

/** Sends the requests of one kernel. */
export function sendFromPage(): Send {
  const underWay = new Set<{ readonly url: string }>();
  return async (request, signal) => {
    const entry = { url: request.url };
    const isSecond = [...underWay].some(({ url }) => url === request.url);
    const end = () => void underWay.delete(entry);
    underWay.add(entry);
    signal.addEventListener('abort', end);
    try {
      // Firefox lets the second request for an address wait until the first one's answer is in its cache.
      const { head, body } = await send(request, signal, isSecond ? 'no-store' : 'default');
      return { head, body: untilItsEnd(body, end) };
    } catch (error) {
      end();
      throw error;
    }
  };
}

async function* untilItsEnd(body: AsyncIterable<Uint8Array>, end: () => void): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } finally {
    end();
  }
}

async function send(request: NetworkRequest, signal: AbortSignal, cache: RequestCache) {
  const { method, url } = request;
  const policy = new PolicyWatch();
  try {
    const response = await fetch(url, {
      method,
      headers: request.headers.filter(([name]) => !isForbidden(name)).map(([name, value]): [string, string] => [name, value]),
      body: request.body as Uint8Array<ArrayBuffer> | null,
      cache,
      signal,
    });
    return answerOf(response, method);
  } catch (error) {
    if (signal.aborted) {
      throw error;
    }
    throw await why(request, error, policy);
  } finally {
    policy.end();
  }
}

function answerOf(response: Response, method: string) {
  const { status, statusText: reason, url, redirected } = response;
  const headers = [...response.headers];
  const head = { status, reason, headers, url, redirected, decoded: isDecoded(response, method) };
  return { head, body: piecesOf(response) };
}

/**
 * Whether the length that was told may be that of compressed bytes. Servers of other origins have to allow that the page
 * sees `Content-Encoding`, and few do; what was asked in part is not compressed.
 */
function isDecoded({ url, status, headers }: Response, method: string): boolean {
  if (headers.has('content-encoding')) {
    return true;
  }
  return new URL(url).origin !== location.origin && status !== 206 && method !== 'HEAD';
}

async function* piecesOf({ body }: Response): AsyncGenerator<Uint8Array> {
  const reader = body?.getReader();
  try {
    for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
      yield next.value;
    }
  } catch (error) {
    throw new NetworkFailure('broken', describe(error));
  } finally {
    await reader?.cancel().catch(() => undefined); // It broke: nothing is left to be cancelled.
  }
}

/** What a fetch does not say. */
async function why({ method, url, body }: NetworkRequest, error: unknown, policy: PolicyWatch): Promise<NetworkFailure> {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    return new NetworkFailure('address', describe(error));
  }
  const isRead = method === 'GET' || method === 'HEAD';
  if (isRead && body) {
    return new NetworkFailure('body');
  }
  if (isMixed(url)) {
    return new NetworkFailure('mixed');
  }
  if (policy.refused) {
    return new NetworkFailure('policy');
  }
  if (new URL(url).origin === location.origin) {
    return new NetworkFailure('unreachable');
  }
  if (!navigator.onLine) {
    return new NetworkFailure('offline');
  }
  return new NetworkFailure(isRead ? await probed(url) : 'cors-or-unreachable');
}

/**
 * Ask the server for anything, which the page may do without its leave as long as it does not read the answer. By HEAD:
 * JupyterLite's service worker asks in place of the page where it is GET, and then it is told what is told of the answer.
 */
async function probed(url: string): Promise<'cors' | 'unreachable' | 'cors-or-unreachable'> {
  const watch = new BlockedAnswerWatch(url);
  try {
    const signal = AbortSignal.timeout(PROBE_MS);
    await fetch(url, { method: 'HEAD', mode: 'no-cors', credentials: 'omit', cache: 'no-store', signal });
    return 'cors';
  } catch {
    if (await watch.came()) {
      return 'cors';
    }
    return (await tellsAnswers()) ? 'unreachable' : 'cors-or-unreachable';
  } finally {
    watch.end();
  }
}

/**
 * Whether the page would know of an answer to a probe. One that is isolated by `require-corp` gets none that it may not
 * read, alive as the server may be; Firefox does not report that either.
 */
async function tellsAnswers(): Promise<boolean> {
  if (!crossOriginIsolated || canReport()) {
    return true;
  }
  try {
    const { headers } = await fetch(location.href, { method: 'HEAD', signal: AbortSignal.timeout(PROBE_MS) });
    return headers.get('cross-origin-embedder-policy') === 'credentialless';
  } catch {
    return false;
  }
}

/** Whether this browser reports what the page's isolation keeps from it, as Chromium and WebKit do; Firefox has the class alone. */
function canReport(): boolean {
  return typeof ReportingObserver !== 'undefined' && /AppleWebKit/.test(navigator.userAgent);
}

/** Notices that the page's isolation keeps an answer of a server from it: so there is one. */
class BlockedAnswerWatch {
  private readonly observer: ReportingObserver | null;
  private readonly reported: Promise<boolean>;

  constructor(url: string) {
    let tell: (came: boolean) => void = () => undefined;
    this.reported = new Promise(resolve => (tell = resolve));
    const { origin } = new URL(url);
    const isOfServer = (report: Report) => new URL(blockedUrl(report) ?? 'about:blank', url).origin === origin;
    this.observer =
      crossOriginIsolated && canReport()
        ? new ReportingObserver(reports => reports.some(isOfServer) && tell(true), { types: ['coep'] })
        : null;
    this.observer?.observe();
  }

  /** After a request has failed: whether there was an answer to it, of which the report may come a little later. */
  async came(): Promise<boolean> {
    return this.observer !== null && soon(this.reported, REPORT_MS, () => false);
  }

  end(): void {
    this.observer?.disconnect();
  }
}

/** Chromium has what a report says in its JSON alone. */
function blockedUrl({ body }: Report): string | null {
  const told: unknown = body ? (body.toJSON() as { blockedURL?: unknown }).blockedURL : null;
  return typeof told === 'string' ? told : null;
}

/** Notices that the page's policy refuses a request. */
class PolicyWatch {
  refused = false;
  private readonly note = (event: SecurityPolicyViolationEvent) => {
    this.refused ||= event.effectiveDirective === 'connect-src' && event.disposition === 'enforce';
  };

  constructor() {
    document.addEventListener('securitypolicyviolation', this.note);
  }

  end(): void {
    document.removeEventListener('securitypolicyviolation', this.note);
  }
}
