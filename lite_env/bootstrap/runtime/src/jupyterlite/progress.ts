import type { Progress } from '../embed/api';

/** How much of a start has come, in words. */
export class StartProgress {
  private readonly loaded = new Map<string, number>();
  private readonly began = performance.now();

  /** `bytes` are those of all files of the start. */
  constructor(
    private readonly name: string,
    private readonly bytes: number
  ) {}

  /** Take one step in, and say how far it is now. */
  take({ phase, file, loaded }: Progress): string {
    if (phase === 'index' || phase === 'kernel' || phase === 'archive') {
      this.loaded.set(file, loaded);
    }
    const bytes = `${megabytes(Math.min(this.sum, this.bytes))} of ${megabytes(this.bytes)} MB`;
    if (phase === 'startup') {
      return `${this.name} runs its start-up code`;
    }
    return phase === 'interpreter' ? `${this.name} starts (${bytes})` : `${this.name} is loaded: ${bytes}`;
  }

  /** Say what the start has come to. */
  done(now = performance.now()): string {
    return `${this.name} has started: ${megabytes(this.sum)} MB in ${((now - this.began) / 1000).toFixed(1)} s`;
  }

  private get sum(): number {
    return [...this.loaded.values()].reduce((all, one) => all + one, 0);
  }
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
