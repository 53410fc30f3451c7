/**
 * Give the memory of bytes back at once, which nobody reads any more: garbage of this size is collected late, and a
 * kernel's memory grows beside it. The bytes are gone for every view of their buffer.
 */
export function release(data: Uint8Array): void {
  const buffer = data.buffer as ArrayBuffer & { transfer?(size: number): ArrayBuffer };
  buffer.transfer?.(0); // Browsers before 2024 collect it when they do.
}
