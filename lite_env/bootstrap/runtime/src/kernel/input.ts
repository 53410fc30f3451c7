import type { JupyterMessage } from '../protocol';

/**
 * How a blocked kernel gets the answer to `input()`.
 *
 * Shared memory: a state word, a length word, then UTF-8 JSON of the `input_reply` message. The worker waits on the
 * state; the host writes the answer and wakes it.
 */
const HEADER_BYTES = 8;
const STATE = 0;
const LENGTH = 1;
const IDLE = 0;
const WAITING = 1;
const ANSWERED = 2;
const INTERRUPTED = 3;

export const INPUT_BYTES = 1 << 20;

/** Host side: hand over an `input_reply`. */
export function answerInput(buffer: SharedArrayBuffer, message: JupyterMessage): void {
  const bytes = new TextEncoder().encode(JSON.stringify(message));
  const room = buffer.byteLength - HEADER_BYTES;
  if (bytes.length > room) {
    throw new RangeError(`an answer of ${bytes.length} bytes is longer than the ${room} that fit`);
  }
  const words = new Int32Array(buffer, 0, 2);
  new Uint8Array(buffer).set(bytes, HEADER_BYTES);
  Atomics.store(words, LENGTH, bytes.length);
  wake(words, ANSWERED);
}

/** Host side: let a kernel that waits for input go on with an interrupt. */
export function interruptInput(buffer: SharedArrayBuffer): void {
  const words = new Int32Array(buffer, 0, 2);
  if (Atomics.load(words, STATE) === WAITING) {
    wake(words, INTERRUPTED);
  }
}

/** Worker side: block until the answer is there; null when the wait was interrupted. */
export function awaitInput(buffer: SharedArrayBuffer): JupyterMessage | null {
  const words = new Int32Array(buffer, 0, 2);
  Atomics.compareExchange(words, STATE, IDLE, WAITING);
  Atomics.wait(words, STATE, WAITING);
  const state = Atomics.exchange(words, STATE, IDLE);
  if (state !== ANSWERED) {
    return null;
  }
  const bytes = new Uint8Array(buffer).slice(HEADER_BYTES, HEADER_BYTES + Atomics.load(words, LENGTH));
  return JSON.parse(new TextDecoder().decode(bytes)) as JupyterMessage;
}

function wake(words: Int32Array, state: number): void {
  Atomics.store(words, STATE, state);
  Atomics.notify(words, STATE);
}
