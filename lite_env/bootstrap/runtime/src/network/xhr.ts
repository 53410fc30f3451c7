import { END, FAILED, HEAD, PIECE, type Failing, type Head, type NetworkRequest } from './channel';
import { isForbidden } from './forbidden';
import { isMixed } from './mixed';

/**
 * Without shared memory: a request that blocks the worker until its whole answer is there. An interrupt is seen only
 * then, so that each has a limit.
 */
const LIMIT_MS = 120_000;

export class Blocking {
  private readonly parts: (readonly [number, Uint8Array])[];

  constructor(request: NetworkRequest) {
    this.parts = ask(request);
  }

  wait(): number {
    return this.parts[0]?.[0] ?? END;
  }

  take(): Uint8Array {
    return this.parts.shift()?.[1] ?? new Uint8Array(0);
  }

  close(): void {
    this.parts.length = 0;
  }
}

function ask({ method, url, headers, body, limit }: NetworkRequest): (readonly [number, Uint8Array])[] {
  const xhr = new XMLHttpRequest();
  try {
    xhr.open(method, url, false);
    xhr.responseType = 'arraybuffer';
    xhr.timeout = limit || LIMIT_MS;
    headers.filter(([name]) => !isForbidden(name)).forEach(([name, value]) => xhr.setRequestHeader(name, value));
    xhr.send(body as Uint8Array<ArrayBuffer> | null);
  } catch (error) {
    return [[FAILED, encode(failing(error, url))]];
  }
  if (xhr.status === 0) {
    return [[FAILED, encode(failing(null, url))]]; // Firefox throws nothing.
  }
  return [
    [HEAD, encode(headOf(xhr, url))],
    [PIECE, new Uint8Array((xhr.response as ArrayBuffer | null) ?? new ArrayBuffer(0))],
    [END, new Uint8Array(0)],
  ];
}

function headOf(xhr: XMLHttpRequest, url: string): Head {
  const lines = xhr.getAllResponseHeaders().split('\r\n').filter(Boolean);
  const headers = lines.map(line => {
    const at = line.indexOf(':');
    return [line.slice(0, at), line.slice(at + 1).trim()] as const;
  });
  const from = xhr.responseURL || url;
  const redirected = new URL(from).href !== new URL(url.replace(/#.*$/s, '')).href;
  // A length that was told may be that of compressed bytes; here the body is whole, and its own length is known.
  return { status: xhr.status, reason: xhr.statusText, headers, url: from, redirected, decoded: true };
}

/** No probe is made: it would block as well. */
function failing(error: unknown, url: string): Failing {
  const name = error instanceof DOMException ? error.name : '';
  if (name === 'TimeoutError') {
    return { kind: 'time', detail: '' };
  }
  if (name === 'SyntaxError') {
    return { kind: 'address', detail: '' };
  }
  return { kind: isMixed(url) ? 'mixed' : 'cors-or-unreachable', detail: '' };
}

function encode(value: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
