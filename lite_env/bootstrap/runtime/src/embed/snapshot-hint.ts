/**
 * Whether a kernel of this page has left a snapshot, known at once: who starts it without one must not wait for the answer
 * of the browser's storage. A hint that is wrong costs a moment, and is mended by the start.
 */
const PREFIX = 'lite-env-snapshot ';

export class SnapshotHint {
  private readonly name: string;

  constructor(manifest: string, kernel: string | null) {
    this.name = `${PREFIX}${manifest} ${kernel ?? ''}`;
  }

  get isSet(): boolean {
    try {
      return localStorage.getItem(this.name) !== null;
    } catch {
      return false; // Blocked, or a frame without an origin.
    }
  }

  set(isKept: boolean): void {
    try {
      if (isKept) {
        localStorage.setItem(this.name, '1');
      } else {
        localStorage.removeItem(this.name);
      }
    } catch {
      // The next start is a plain one.
    }
  }
}
