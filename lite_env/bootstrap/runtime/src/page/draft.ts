import type { Storage } from './storage';

/** What stands in the input and was not run outlives a reload of this tab, whatever the reason. */
export function keepDraft(
  storage: Pick<Storage, 'get' | 'set'>,
  key: string,
  input: { value: string },
  page: Pick<EventTarget, 'addEventListener'>
): string | null {
  page.addEventListener('pagehide', () => storage.set(key, input.value));
  const draft = storage.get(key);
  storage.set(key, '');
  return draft || null;
}
