/** Ends a request of which nothing comes any more; how long it takes in all does not matter. */
export class StallWatch {
  private readonly end = new AbortController();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private isOver = false;

  /** `signal` ends it as well. */
  constructor(
    private readonly ms: number,
    signal: AbortSignal | undefined
  ) {
    signal?.addEventListener('abort', () => this.end.abort(signal.reason), { signal: this.end.signal });
    if (signal?.aborted) {
      this.end.abort(signal.reason);
    }
    this.alive();
  }

  /** What the request is to be given. */
  get signal(): AbortSignal {
    return this.end.signal;
  }

  /** Whether it was ended because nothing came. */
  get stalled(): boolean {
    return this.isOver;
  }

  /** Something came. */
  alive(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.isOver = true;
      this.end.abort();
    }, this.ms);
  }

  /** The request has ended. */
  stop(): void {
    clearTimeout(this.timer);
  }
}
