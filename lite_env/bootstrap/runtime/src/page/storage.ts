/** Values of this page in localStorage or sessionStorage; where the browser forbids that, they live as long as the page. */
export class Storage {
  private readonly memory = new Map<string, string>();

  constructor(private readonly open: () => globalThis.Storage) {}

  get(key: string): string | null {
    try {
      return this.open().getItem(key) ?? this.memory.get(key) ?? null;
    } catch {
      return this.memory.get(key) ?? null;
    }
  }

  set(key: string, value: string): void {
    this.memory.set(key, value);
    try {
      this.open().setItem(key, value);
    } catch {
      // Blocked or full: the page's own memory is enough for this visit.
    }
  }
}
