/** Contents of an open file, shared by all its streams; written back when a stream is closed or synced. */
export interface DriveFile {
  data: Uint8Array;
  /** Everything is written as base64, whatever it was read as. */
  readonly format: 'base64';
  isDirty: boolean;
  /** Removed or replaced while it was open. */
  isDetached: boolean;
}

/**
 * Set the length, new bytes being zero; room is doubled, so that many small writes cost what one large one does.
 *
 * @throws RangeError where there is no memory for so much.
 */
export function resize(file: { data: Uint8Array }, size: number): void {
  const { data } = file;
  const room = data.buffer.byteLength - data.byteOffset;
  if (size <= data.length) {
    file.data = data.slice(0, size);
    return;
  }
  if (size <= room) {
    file.data = new Uint8Array(data.buffer, data.byteOffset, size).fill(0, data.length);
    return;
  }
  const grown = new Uint8Array(memory(Math.max(size, 2 * data.length), size), 0, size);
  grown.set(data);
  file.data = grown;
}

/** Memory of the wished size, or of the needed one where there is not so much. */
function memory(wished: number, needed: number): ArrayBuffer {
  try {
    return new ArrayBuffer(wished);
  } catch {
    return new ArrayBuffer(needed);
  }
}
