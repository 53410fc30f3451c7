/** The script of a kernel, opened up: what it keeps to itself lies outside of the memory, and a snapshot needs it. */

/** Text that is there once, and what takes its place. */
export type Patch = readonly [there: string, put: string];

/** The script with the patches made; null where it is one that they are not for. */
export function patched(script: Uint8Array, patches: readonly Patch[]): Uint8Array | null {
  const text = new TextDecoder().decode(script);
  const edits: { at: number; length: number; put: Uint8Array }[] = [];
  // Positions in the text are those in the bytes, where no character takes more than one.
  if (text.length !== script.length) {
    return null;
  }
  for (const [there, put] of patches) {
    const at = text.indexOf(there);
    if (at < 0 || text.includes(there, at + 1)) {
      return null;
    }
    edits.push({ at, length: there.length, put: new TextEncoder().encode(put) });
  }
  return spliced(script, edits.sort((one, other) => one.at - other.at));
}

function spliced(bytes: Uint8Array, edits: readonly { at: number; length: number; put: Uint8Array }[]): Uint8Array {
  const grown = edits.reduce((sum, { length, put }) => sum + put.length - length, bytes.length);
  const whole = new Uint8Array(grown);
  let from = 0;
  let to = 0;
  for (const { at, length, put } of edits) {
    whole.set(bytes.subarray(from, at), to);
    to += at - from;
    whole.set(put, to);
    to += put.length;
    from = at + length;
  }
  whole.set(bytes.subarray(from), to);
  return whole;
}
