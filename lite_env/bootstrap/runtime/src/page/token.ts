/** The secret by which `lite-env serve` knows its own page. */
import type { Storage } from './storage';

const KEY = 'lite-env token';

/** Take the token out of the address, where it could be copied or logged; a reload finds it in the tab's storage. */
export function takeToken(storage: Pick<Storage, 'get' | 'set'>): string | null {
  const url = new URL(location.href);
  const token = url.searchParams.get('token');
  if (token === null) {
    return storage.get(KEY);
  }
  storage.set(KEY, token);
  url.searchParams.delete('token');
  history.replaceState(history.state, '', url);
  return token;
}
