/** Which answers make a page cross-origin isolated, and by which headers. */

/** Where the prelude says that it is there: below `/api/`, which JupyterLite's own worker passes by. */
export const PROBE = 'lite-env/api/isolation';
export const PROBE_ANSWER = 'isolates';

const EMBEDDER = 'Cross-Origin-Embedder-Policy';

/** Documents and workers have to ask for isolation themselves; what they load need not, of the same origin. */
const ASKING = new Set(['document', 'iframe', 'frame', 'worker', 'sharedworker']);

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly mode: string;
  readonly destination: string;
  readonly cache: string;
}

/** Whether the answer to a request gets the headers; a page that wants to know its own asks for them alone. */
export function isAsking({ method, mode, destination }: Asked): boolean {
  return method === 'HEAD' || mode === 'navigate' || ASKING.has(destination);
}

/** Whether a request that nobody answers is answered here, for its headers. */
export function isLeftOver(request: Asked, origin: string): boolean {
  const isOwn = new URL(request.url).origin === origin;
  return /^(GET|HEAD)$/.test(request.method) && isOwn && request.cache !== 'only-if-cached' && isAsking(request);
}

/**
 * `credentialless` lets pictures and scripts of other origins in, without their cookies. WebKit knows `require-corp` alone, by
 * which they have to allow it themselves.
 */
export function embedderPolicy(userAgent: string): 'credentialless' | 'require-corp' {
  return /AppleWebKit/.test(userAgent) && !/Chrom(e|ium)\//.test(userAgent) ? 'require-corp' : 'credentialless';
}

/** What hosts say that cannot choose by browser, in words that this one knows. */
export function understood(response: Response, userAgent: string): Response {
  const policy = embedderPolicy(userAgent);
  if (response.headers.get(EMBEDDER) !== 'credentialless' || policy === 'credentialless') {
    return response;
  }
  const headers = new Headers(response.headers);
  headers.set(EMBEDDER, policy);
  const { status, statusText } = response;
  return new Response(response.body, { status, statusText, headers });
}

/** The answer with the headers; as it is where it may not be looked into. */
export function isolated(response: Response, policy: string): Response {
  if (response.status === 0 || response.type === 'error' || response.type === 'opaqueredirect') {
    return response;
  }
  const headers = new Headers(response.headers);
  headers.set('Cross-Origin-Opener-Policy', 'same-origin');
  headers.set(EMBEDDER, policy);
  // So that an isolated page of another origin may show this one in a frame, as any page may.
  headers.set('Cross-Origin-Resource-Policy', 'cross-origin');
  const { status, statusText } = response;
  return new Response(response.body, { status, statusText, headers });
}
