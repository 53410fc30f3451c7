import { toBase64 } from '../base64';

/** A hex digest as RECORD has it. */
export function toUrlSafe(hex: string): string {
  const bytes = Uint8Array.from(hex.match(/../g) ?? [], pair => Number.parseInt(pair, 16));
  return toBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}
