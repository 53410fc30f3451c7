/** How bytes of a pack reach the worker; the browser and Node each bring one. */
export interface Transport {
  /** Read a whole file of the pack; `onProgress` is told the bytes so far. */
  read(path: string, onProgress?: (loaded: number) => void): Promise<Uint8Array>;
  /** The same while the caller blocks. */
  readSync(path: string): Uint8Array;
  /** Run a classic script, so that its `var`s become globals. */
  evaluate(code: Uint8Array, path: string): void;
  /** Run a module; what it exports. */
  importModule(code: Uint8Array, path: string): Promise<Readonly<Record<string, unknown>>>;
  /** Told that these bytes passed their check, so that they may be kept for the next visit. */
  keep?(path: string, data: Uint8Array): void;
  /** Told that bytes failed their check; whether they were a kept copy that is gone now, so that reading anew helps. */
  forget?(path: string): Promise<boolean>;
}
