import { soon } from '../soon';

/** The one cache of all environments of an origin; the service worker answers from it. */
export const CACHE = 'lite-env';

/** What of the Cache API is used. */
export interface KeptCache {
  match(url: string): Promise<Response | undefined>;
  put(url: string, response: Response): Promise<void>;
  delete(url: string): Promise<boolean>;
  keys(): Promise<readonly { readonly url: string }[]>;
}

/** The cache of this page; rejects where there is none, or none within `ms` milliseconds. */
export async function openCache(ms = 2000): Promise<KeptCache> {
  if (typeof caches === 'undefined') {
    throw new Error('the page is not secure (https, or http on localhost)');
  }
  return soon<KeptCache>(caches.open(CACHE), ms, () => {
    throw new Error('its storage does not answer');
  });
}

/**
 * One tab after the other: what one has written and its manifest does not name yet would be unnamed to the other, which
 * drops that.
 */
export function alone<T>(action: () => Promise<T>): Promise<T> {
  const { locks } = (globalThis.navigator ?? {}) as { locks?: LockManager };
  return locks ? (locks.request(CACHE, action) as Promise<T>) : action();
}

/** What the cache is given for a file; it takes a copy of these bytes alone, also where they are a view of more. */
export function response(path: string, data: Uint8Array): Response {
  const type = path.endsWith('.wasm')
    ? 'application/wasm'
    : path.endsWith('.json')
      ? 'application/json'
      : 'application/octet-stream';
  return new Response(data as Uint8Array<ArrayBuffer>, {
    headers: { 'content-type': type, 'content-length': String(data.length) },
  });
}
