import type { Expected, Plain } from './verify';

export interface How {
  /** What was had by this path is wrong: every cache is passed by, and what they hold is replaced or forgotten. */
  readonly anew?: boolean;
  /**
   * For a blocking read: this worker is asking for the same file already, and takes none of its bytes meanwhile. Until
   * it does, the HTTP cache lets nobody else at that address.
   */
  readonly apart?: boolean;
  /** For a blocking read: how many bytes are expected, which decides on how long it may take. */
  readonly size?: number;
  /** Ends the request; the promise then rejects. */
  readonly signal?: AbortSignal;
}

/** How bytes of a pack reach the worker; the browser and Node each bring one. */
export interface Transport {
  /** Read a whole file of the pack; `onProgress` is told the bytes so far. */
  read(path: string, onProgress?: (loaded: number) => void, how?: How): Promise<Uint8Array>;
  /** The same while the caller blocks. */
  readSync(path: string, how?: How): Uint8Array;
  /** Run a classic script, so that its `var`s become globals. */
  evaluate(code: Uint8Array, path: string): void;
  /** Run a module; what it exports. */
  importModule(code: Uint8Array, path: string): Promise<Readonly<Record<string, unknown>>>;
  /** Told that these bytes passed their check, so that they may be kept for the next visit. */
  keep?(file: Expected, data: Uint8Array): void;
  /** What was kept at that path, unchecked, and nothing that would have to be fetched. */
  kept?(path: string): Promise<Uint8Array | null>;
  /** A module that an earlier visit kept, checked and compiled, with what the browser knows of it; null where it has none. */
  module?(plain: Plain): Promise<WebAssembly.Module | null>;
}
