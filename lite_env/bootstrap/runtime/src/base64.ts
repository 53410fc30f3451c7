/** Base64 of bytes; engines of 2025 and later have it built in, and much faster. */
interface Native {
  toBase64?(): string;
}
const native = Uint8Array as unknown as { fromBase64?(text: string): Uint8Array };
const PIECE = 0x8000;

export function toBase64(bytes: Uint8Array): string {
  const own = (bytes as Native).toBase64;
  if (own) {
    return own.call(bytes);
  }
  const pieces: string[] = [];
  for (let at = 0; at < bytes.length; at += PIECE) {
    pieces.push(String.fromCharCode(...bytes.subarray(at, at + PIECE)));
  }
  return btoa(pieces.join(''));
}

/** Bytes of base64 text, which may hold line ends, as Python's `encodebytes` writes them. */
export function fromBase64(text: string): Uint8Array {
  if (native.fromBase64) {
    return native.fromBase64(text);
  }
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) {
    bytes[at] = binary.charCodeAt(at);
  }
  return bytes;
}
