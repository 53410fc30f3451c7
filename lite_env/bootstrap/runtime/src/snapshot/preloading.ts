/** What of an environment modules need that are to be preloaded. */
export interface Preloading {
  readonly modules: readonly string[];
  /** Have it at hand. @throws what cannot be had, which another time may. */
  fetch(): Promise<void>;
  /** Whether something could not be read. */
  hasLost(): boolean;
}
