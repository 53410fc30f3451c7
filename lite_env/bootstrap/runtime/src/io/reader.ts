/** Bytes that are read piece by piece while the caller blocks, wherever they lie. */
export interface Reader {
  readonly size: number;
  /** Fill `into` from that place on. @throws where not so many bytes are there. */
  read(into: Uint8Array, at: number): void;
  /** It is not used any more: until then others may not be able to write what is read. */
  close(): void;
}

/** Of bytes that are in memory. */
export function readerOf(bytes: Uint8Array): Reader {
  return {
    size: bytes.length,
    read: (into, at) => {
      if (at + into.length > bytes.length) {
        throw new Error(`${bytes.length} bytes end before ${at + into.length}`);
      }
      into.set(bytes.subarray(at, at + into.length));
    },
    close: () => undefined,
  };
}
