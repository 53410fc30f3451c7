import { accept, DriveError, type DriveChannel, type DriveRequest } from './channel';

/** Bodies may be large and the network slow; everything else is a few hundred bytes. */
const SECONDS = { body: 600, other: 60 } as const;

/** What is used of a synchronous XMLHttpRequest. */
export interface SyncRequest {
  readonly status: number;
  readonly responseText: string;
  timeout: number;
  open(method: string, url: string, async: false): void;
  setRequestHeader(name: string, value: string): void;
  send(body: string): void;
}

export interface XhrOptions {
  /** Endpoint of the drive: a server's, or one that a service worker answers. */
  readonly url: string;
  /** Tells a page from other pages of the same origin. */
  readonly browsingContextId: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A drive behind a URL, asked by synchronous XMLHttpRequest, which only a worker may do. */
export class XhrDriveChannel implements DriveChannel {
  private sent = 0;

  constructor(
    private readonly options: XhrOptions,
    private readonly create: () => SyncRequest = () => new XMLHttpRequest()
  ) {}

  ask(request: DriveRequest): unknown {
    const { url, browsingContextId } = this.options;
    const isBody = request.method === 'get' || request.method === 'put';
    const answer = post(this.create(), url, {
      body: bodyOf(request, browsingContextId, (this.sent += 1)),
      headers: this.options.headers,
      seconds: isBody ? SECONDS.body : SECONDS.other,
    });
    return read(answer, url);
  }
}

/** What is posted for a request, the `count`th of its sender. */
export function bodyOf(request: DriveRequest, browsingContextId: string, count: number): object {
  const requestId = `${browsingContextId}-${count}`;
  return { data: { ...request, requestId }, browsingContextId, requestId };
}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** The answer in what came from `url`; a `DriveError` where the drive refuses, or somebody else has answered. */
export function read({ status, text }: Answer, url: string): unknown {
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
  try {
    xhr.open('POST', url, false);
    xhr.timeout = posted.seconds * 1000;
    xhr.setRequestHeader('Content-Type', 'application/json');
    Object.entries(posted.headers).forEach(([name, value]) => xhr.setRequestHeader(name, value));
    xhr.send(JSON.stringify(posted.body));
  } catch (cause) {
    throw new DriveError('EIO', `"${url}" does not answer`, { cause });
  }
  if (xhr.status === 0) {
    throw new DriveError('EIO', `"${url}" does not answer`);
  }
  return { status: xhr.status, text: xhr.responseText };
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
