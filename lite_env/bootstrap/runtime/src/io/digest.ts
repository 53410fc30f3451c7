import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';

/** SHA-256 as hex while the caller blocks. */
export function sha256Sync(data: Uint8Array): string {
  return bytesToHex(sha256(data));
}

/** SHA-256 as hex, by the platform where it offers one (it does not on plain http pages). */
export async function sha256Hex(data: Uint8Array): Promise<string> {
  const subtle = globalThis.crypto?.subtle;
  if (!subtle) {
    return sha256Sync(data);
  }
  return bytesToHex(new Uint8Array(await subtle.digest('SHA-256', data as Uint8Array<ArrayBuffer>)));
}
