/**
 * Whether a kernel of this page has left a snapshot, known at once: who starts it without one must not wait for the answer
 * of the browser's storage. A hint that is wrong costs a moment, and is mended by the start.
 */
const PREFIX = 'lite-env-snapshot ';
/** How many pages have begun to make one with preloaded modules, and never came to an end. */
const TRIES = 'lite-env-preload ';

export class SnapshotHint {
  private readonly subject: string;
  private counted = false;

  constructor(manifest: string, kernel: string | null) {
    this.subject = `${manifest} ${kernel ?? ''}`;
  }

  /** A start begins; whether it is to count on a snapshot. */
  begin(): boolean {
    this.counted = read(PREFIX + this.subject) !== null;
    return this.counted;
  }

  /** The start was a plain one. Where it did not count on a snapshot, another page may have left one meanwhile. */
  wasPlain(): void {
    if (this.counted) {
      this.set(false);
    }
  }

  set(isKept: boolean): void {
    write(PREFIX + this.subject, isKept ? '1' : null);
  }

  get tries(): number {
    return Number(read(TRIES + this.subject)) || 0;
  }

  set tries(count: number) {
    write(TRIES + this.subject, count > 0 ? String(count) : null);
  }
}

function read(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null; // Blocked, or a frame without an origin.
  }
}

function write(name: string, value: string | null): void {
  try {
    if (value === null) {
      localStorage.removeItem(name);
    } else {
      localStorage.setItem(name, value);
    }
  } catch {
    // The next start is a plain one.
  }
}
