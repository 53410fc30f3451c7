import type { Storage } from './storage';

const KEPT_ENTRIES = 500;

/** What was entered before, per environment; the arrows walk through it, with the draft at its end. */
export class History {
  private readonly entries: string[];
  private at: number;
  private draft = '';

  constructor(
    private readonly storage: Pick<Storage, 'get' | 'set'>,
    private readonly key: string
  ) {
    this.entries = read(storage.get(key));
    this.at = this.entries.length;
  }

  /** Remember what was run; a repetition of the last entry is not kept twice. */
  add(code: string): void {
    if (code.trim() && this.entries.at(-1) !== code) {
      this.entries.push(code);
      this.entries.splice(0, this.entries.length - KEPT_ENTRIES);
      this.storage.set(this.key, JSON.stringify(this.entries));
    }
    this.at = this.entries.length;
    this.draft = '';
  }

  /** The entry before the current one, or null at the first; `current` is kept as the draft when the walk begins. */
  back(current: string): string | null {
    if (this.at === 0) {
      return null;
    }
    if (this.at === this.entries.length) {
      this.draft = current;
    }
    this.at -= 1;
    return this.entries[this.at] ?? null;
  }

  /** The entry after the current one, the draft after the last, or null behind it. */
  forward(): string | null {
    if (this.at >= this.entries.length) {
      return null;
    }
    this.at += 1;
    return this.entries[this.at] ?? this.draft;
  }
}

function read(text: string | null): string[] {
  try {
    const value: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(value) ? value.filter((entry): entry is string => typeof entry === 'string') : [];
  } catch {
    return [];
  }
}
