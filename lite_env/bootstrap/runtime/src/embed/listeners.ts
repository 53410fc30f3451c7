import type { Unsubscribe } from './api';

/** Takes what a listener of the page threw: it is the page's fault, and nobody else's loss. */
export type Report = (error: unknown) => void;

/** Call what the page gave us; what it throws is reported, and whoever is told next is told. */
export function tell<Told extends unknown[]>(
  report: Report,
  listener: ((...told: Told) => void) | undefined,
  ...told: Told
): void {
  try {
    listener?.(...told);
  } catch (error) {
    report(error);
  }
}

/** Those of a page that want to be told of one kind of thing. */
export class Listeners<Told extends unknown[]> {
  private readonly all = new Set<(...told: Told) => void>();

  constructor(private readonly report: Report) {}

  add(listener: (...told: Told) => void): Unsubscribe {
    this.all.add(listener);
    return () => void this.all.delete(listener);
  }

  /** Tell those who listened when it happened. */
  tell(...told: Told): void {
    [...this.all].forEach(listener => tell(this.report, listener, ...told));
  }
}
