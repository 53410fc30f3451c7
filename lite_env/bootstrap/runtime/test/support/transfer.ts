import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';

/** Buffers can be given back, as in browsers of 2024 and later: they are detached, and nothing is left of their memory. */
export function withTransfer(t: TestContext): void {
  const own = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, 'transfer');
  const value = function (this: ArrayBuffer, size: number) {
    assert.equal(size, 0);
    structuredClone(this, { transfer: [this] });
  };
  Object.defineProperty(ArrayBuffer.prototype, 'transfer', { value, configurable: true, writable: true });
  t.after(() =>
    own
      ? Object.defineProperty(ArrayBuffer.prototype, 'transfer', own)
      : Reflect.deleteProperty(ArrayBuffer.prototype, 'transfer')
  );
}
