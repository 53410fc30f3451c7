import { BootError } from '../errors';
import { FORBIDDEN } from './redeployed';
import { StallWatch } from './stall';
import type { How, Transport } from './transport';
import { htmlInstead, isPage } from './verify';

/** Marks a request whose answer must come from the server; our service worker sees to that. */
export const ANEW = 'lite-env-anew';

/** Milliseconds without a byte after which a request is given up. */
const STALL_MS = 30_000;

/** Bytes a second that a blocking read must bring: it learns nothing of what comes until all is there. */
const SLOWEST = 16_000;

/** Marks a request that goes beside another one of the same file; where it is kept, that serves. */
const APART = 'lite-env-apart';

declare function importScripts(...urls: string[]): void;

/** Files below a base URL, by fetch and by synchronous XMLHttpRequest. */
export class BrowserTransport implements Transport {
  constructor(
    private readonly base: string,
    private readonly stallMs = STALL_MS
  ) {}

  /** A request of which nothing comes for half a minute is made once more: a new connection may find another way. */
  async read(path: string, onProgress?: (loaded: number) => void, how: How = {}): Promise<Uint8Array> {
    for (let isLast = false; ; isLast = true) {
      const watch = new StallWatch(this.stallMs, how.signal);
      try {
        return await this.attempt(path, how, watch, onProgress);
      } catch (error) {
        if (!watch.stalled) {
          throw error;
        }
        if (isLast) {
          throw stalled(path, this.stallMs, error);
        }
      } finally {
        watch.stop();
      }
    }
  }

  private async attempt(
    path: string,
    how: How,
    watch: StallWatch,
    onProgress?: (loaded: number) => void
  ): Promise<Uint8Array> {
    let response: Response;
    try {
      const cache = how.anew ? 'reload' : cacheMode(path);
      response = await fetch(this.url(path), { credentials: 'same-origin', cache, signal: watch.signal });
    } catch (cause) {
      throw networkFailed(path, cause);
    }
    watch.alive();
    check(response.status, response.headers.get('content-type'), path);
    return collect(response, path, loaded => {
      watch.alive();
      onProgress?.(loaded);
    });
  }

  /** A request that is not over in time is not made once more: nothing else of the program goes on meanwhile. */
  readSync(path: string, { anew, apart, size = 0 }: How = {}): Uint8Array {
    const request = new XMLHttpRequest();
    const url = this.url(path);
    const limit = this.stallMs + Math.ceil((size / SLOWEST) * 1000);
    // Chromium would have it wait 20 s for its cache, whose entry the other request holds.
    request.open('GET', anew ? uncached(url, ANEW) : apart ? uncached(url, APART) : url, false);
    request.responseType = 'arraybuffer';
    request.timeout = limit;
    try {
      request.send();
    } catch (cause) {
      throw (cause as Error).name === 'TimeoutError' ? late(path, limit, cause) : networkFailed(path, cause);
    }
    check(request.status, request.getResponseHeader('content-type'), path);
    return new Uint8Array(request.response as ArrayBuffer);
  }

  evaluate(code: Uint8Array, path: string): void {
    const url = scriptUrl(code);
    try {
      importScripts(url);
    } catch (cause) {
      throw notScript(path, cause);
    } finally {
      URL.revokeObjectURL(url);
    }
  }

  async importModule(code: Uint8Array, path: string): Promise<Readonly<Record<string, unknown>>> {
    const url = scriptUrl(code);
    try {
      return (await import(url)) as Record<string, unknown>;
    } catch (cause) {
      throw notScript(path, cause);
    } finally {
      URL.revokeObjectURL(url);
    }
  }

  private url(path: string): string {
    return resolvePath(path, this.base);
  }
}

/** A blob, so that exactly the bytes that were checked are run, and the file is not asked for twice. */
function scriptUrl(code: Uint8Array): string {
  return URL.createObjectURL(new Blob([code as Uint8Array<ArrayBuffer>], { type: 'text/javascript' }));
}

function notScript(path: string, cause: unknown): BootError {
  return new BootError('Undecodable', `"${path}" is not a script that this browser can run: ${String(cause)}`, {
    file: path,
    hint: 'a Content-Security-Policy must allow blob: in worker-src and script-src',
    cause,
  });
}

/** The URL of a path below `base`; a name that looks like a scheme or a query stays a name. */
export function resolvePath(path: string, base: string): string {
  return new URL(path.split('/').map(encodeURIComponent).join('/'), base).href;
}

/**
 * A blocking request cannot pass caches by, but no cache has the answer to another address; servers of files take no
 * notice of what follows the question mark. A header would cost packs of other origins a request ahead.
 */
function uncached(url: string, why: string): string {
  return `${url}?${why}=${Date.now().toString(36)}`;
}

/** Only the manifest can change under its name; everything else is named by its hash. */
function cacheMode(path: string): RequestCache {
  return path === 'manifest.json' ? 'no-cache' : 'default';
}

/** The bytes of an answer; `onProgress` hears of all that came so far. */
export async function collect(response: Response, path: string, onProgress?: (loaded: number) => void): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let loaded = 0;
  try {
    if (!response.body) {
      return new Uint8Array(await response.arrayBuffer());
    }
    const reader = response.body.getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      chunks.push(next.value);
      loaded += next.value.length;
      onProgress?.(loaded);
    }
  } catch (cause) {
    // The connection broke, or fewer bytes came than Content-Length announced.
    throw new BootError('Truncated', `"${path}" broke off after ${loaded} bytes`, {
      file: path,
      hint: 'the connection was lost: try again',
      cause,
    });
  }
  const whole = new Uint8Array(loaded);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

function check(status: number, contentType: string | null, path: string): void {
  if (status === 404 || status === 410) {
    throw new BootError('FileMissing', `"${path}" is not on the server (${status})`, {
      file: path,
      hint: 'the pack was deployed incompletely: copy the whole folder, with archives/ and kernels/',
    });
  }
  if (status === 0 || status >= 400) {
    throw new BootError('HttpStatus', `the server refuses "${path}" with status ${status}`, {
      file: path,
      hint: 'open its address to see what the server says: it may want a login, forbid the file, not have it, or be out of order',
      ...(status === 403 && { cause: FORBIDDEN }),
    });
  }
  if (isPage(contentType)) {
    throw htmlInstead(path);
  }
}

const OVERLOADED = 'see that the network works and the server is not overloaded, and try again';

function stalled(path: string, ms: number, cause: unknown): BootError {
  const message = `"${path}" stopped coming: the server sent nothing for ${ms / 1000} seconds, and again when it was asked once more`;
  return new BootError('NetworkFailed', message, { file: path, hint: OVERLOADED, cause });
}

function late(path: string, ms: number, cause: unknown): BootError {
  const message = `"${path}" did not come within the ${Math.round(ms / 1000)} seconds that a program waits for a file of its size`;
  return new BootError('NetworkFailed', message, { file: path, hint: OVERLOADED, cause });
}

function networkFailed(path: string, cause: unknown): BootError {
  if (navigator.onLine === false) {
    return new BootError('Offline', `no network, and "${path}" is in no cache`, {
      file: path,
      hint: 'connect once, so that the environment can be kept',
      cause,
    });
  }
  if (globalThis.origin === 'null') {
    return new BootError('NetworkFailed', `"${path}" may not be read by a page in a sandboxed frame, which has no origin`, {
      file: path,
      hint: 'add allow-same-origin to the sandbox of the frame, or open the page by itself',
      cause,
    });
  }
  return new BootError('NetworkFailed', `"${path}" could not be fetched: the server does not answer, or forbids it`, {
    file: path,
    hint: 'see that the server runs, and that it allows this page to read the pack (CORS)',
    cause,
  });
}
