/**
 * How a page learns that its worker is gone without a word: a program closed it, or the browser ended it for its memory.
 *
 * The worker holds a lock as long as it lives, also while it is blocked; the page queues for the same lock. Pages that
 * are not secure have no locks, and learn it by nothing coming.
 */
export interface Pulse {
  /** Name of the worker's lock; null where there are no locks. */
  readonly name: string | null;
  /** Begin to watch, once the worker has said that it holds the lock; `gone` is called once, when it has let go. */
  watch(gone: () => void): void;
  /** Stop watching: the worker is ended on purpose. */
  stop(): void;
}

export function createPulse(id: string): Pulse {
  const { locks } = navigator as { locks?: LockManager };
  const name = locks ? `lite-env worker ${id}` : null;
  const end = new AbortController();
  return {
    name,
    watch: gone => void (locks && name && queue(locks, name, end.signal, gone)),
    stop: () => end.abort(),
  };
}

async function queue(locks: LockManager, name: string, signal: AbortSignal, gone: () => void): Promise<void> {
  try {
    await locks.request(name, { signal }, () => gone());
  } catch {
    // Stopped on purpose, or locks are forbidden here.
  }
}

/**
 * The worker's side: hold the lock for ever, and tell the page when it is held. A browser that gives the worker no lock
 * must not make it look dead: then nothing is told, and nobody watches.
 */
export function beat(name: string | null | undefined, held: () => void): void {
  if (name) {
    const forEver = () => {
      held();
      return new Promise(() => undefined);
    };
    navigator.locks.request(name, forEver).catch(() => undefined);
  }
}
