import { newId } from '../ids';
import { accept, DriveError, REQUEST_ID_HEADER, type DriveChannel, type DriveRequest, type Ticket } from './channel';
import { GRACE_SECONDS, secondsOf } from './limits';

/** What is used of a synchronous XMLHttpRequest. */
export interface SyncRequest {
  readonly status: number;
  readonly responseText: string;
  timeout: number;
  getResponseHeader(name: string): string | null;
  open(method: string, url: string, async: false): void;
  setRequestHeader(name: string, value: string): void;
  send(body: string): void;
}

export interface XhrOptions {
  /** Endpoint of the drive: a server's, or one that a service worker answers. */
  readonly url: string;
  /** Tells a page from other pages of the same origin. */
  readonly browsingContextId: string;
  /** The how manieth worker of it asks; a server does nothing more for the ones before. */
  readonly generation?: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** A drive behind a URL, asked by synchronous XMLHttpRequest, which only a worker may do. */
export class XhrDriveChannel implements DriveChannel {
  private sent = 0;
  private readonly epoch = newId();

  constructor(
    private readonly options: XhrOptions,
    private readonly create: () => SyncRequest = () => new XMLHttpRequest()
  ) {}

  ask(request: DriveRequest): unknown {
    const { url } = this.options;
    const seconds = secondsOf(request.method);
    const id = (this.sent += 1);
    const sent = Date.now();
    const body = bodyOf(request, this.options, { epoch: this.epoch, id, deadline: sent + seconds * 1000, sent });
    const answer = post(this.create(), url, {
      body,
      headers: this.options.headers,
      seconds: seconds + GRACE_SECONDS,
    });
    if (answer.requestId !== null && answer.requestId !== body.requestId) {
      throw new DriveError('EIO', `"${url}" answers another request than was asked`);
    }
    return read(answer, url);
  }
}

/** What is posted for a request: JupyterLite's envelope, and the ticket beside it. */
export interface DriveBody extends Ticket {
  readonly data: DriveRequest & { readonly requestId: string };
  readonly browsingContextId: string;
  readonly generation?: number;
  /** Of all requests to a page the one: no two workers of a kernel use one twice. */
  readonly requestId: string;
  /** When it was sent, as `Date.now` counts: a server's clock may be another one. */
  readonly sent: number;
}

type Asker = Pick<XhrOptions, 'browsingContextId' | 'generation'>;

type Sent = Ticket & Pick<DriveBody, 'sent'>;

export function bodyOf(request: DriveRequest, { browsingContextId, generation }: Asker, ticket: Sent): DriveBody {
  const requestId = `${browsingContextId}-${ticket.epoch}-${ticket.id}`;
  const asker = { browsingContextId, ...(generation !== undefined && { generation }) };
  return { data: { ...request, requestId }, ...asker, requestId, ...ticket };
}

export interface Answer {
  readonly status: number;
  readonly text: string;
  /** Where it was told. */
  readonly requestId: string | null;
}

/** The answer in what came from `url`; a `DriveError` where the drive refuses, or somebody else has answered. */
export function read({ status, text }: Pick<Answer, 'status' | 'text'>, url: string): unknown {
  return accept(parse(text, status, url));
}

export interface Posted {
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;
  /** 0 waits without end. */
  readonly seconds: number;
}

/** Send one request and block until its answer is there. */
export function post(xhr: SyncRequest, url: string, posted: Posted): Answer {
  const body = JSON.stringify(posted.body);
  try {
    xhr.open('POST', url, false);
    xhr.timeout = posted.seconds * 1000;
    xhr.setRequestHeader('Content-Type', 'application/json');
    Object.entries(posted.headers).forEach(([name, value]) => xhr.setRequestHeader(name, value));
    xhr.send(body);
  } catch (cause) {
    throw new DriveError('EIO', `"${url}" does not answer`, { cause });
  }
  if (xhr.status === 0) {
    throw new DriveError('EIO', `"${url}" does not answer`);
  }
  return { status: xhr.status, text: xhr.responseText, requestId: xhr.getResponseHeader(REQUEST_ID_HEADER) };
}

function parse(text: string, status: number, url: string): unknown {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch (cause) {
    throw refused(status, url, cause);
  }
  if (status >= 400 && !(typeof answer === 'object' && answer !== null && 'error' in answer)) {
    throw refused(status, url);
  }
  return answer;
}

/** Somebody else than a drive answered: a proxy, a static host, a login page. */
function refused(status: number, url: string, cause?: unknown): DriveError {
  const found = status >= 400 ? `status ${status}` : 'something that is not JSON';
  return new DriveError(status === 401 || status === 403 ? 'EACCES' : 'EIO', `"${url}" answers ${found}`, { cause });
}
