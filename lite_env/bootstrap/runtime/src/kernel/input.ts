import type { JupyterMessage } from '../protocol';

/**
 * How a blocked kernel gets the answer to `input()`.
 *
 * Shared memory: a state word, a length word, then UTF-8 JSON of the `input_reply` message. The worker waits on the
 * state; the host writes the answer and wakes it. The memory is one worker's, so no answer crosses a restart; within
 * it an answer names the question that it belongs to (the id of the `input_request`, in its `parent_header`), and the
 * worker lets go of one that it did not ask for.
 */
const HEADER_BYTES = 8;
const STATE = 0;
const LENGTH = 1;
const IDLE = 0;
const WAITING = 1;
const ANSWERED = 2;
const INTERRUPTED = 3;

export const INPUT_BYTES = 1 << 20;

/** Id of the question that a reply belongs to; empty where it names none. */
export function questionOf(reply: JupyterMessage): string {
  return String(reply.parent_header['msg_id'] ?? '');
}

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
  Atomics.store(words, STATE, ANSWERED);
  Atomics.notify(words, STATE);
}

/** Host side: let a kernel that waits for input go on with an interrupt. */
export function interruptInput(buffer: SharedArrayBuffer): void {
  const words = new Int32Array(buffer, 0, 2);
  // In one step: one that has stopped waiting in between must not leave an interrupt to the next question.
  if (Atomics.compareExchange(words, STATE, WAITING, INTERRUPTED) === WAITING) {
    Atomics.notify(words, STATE);
  }
}

/**
 * Worker side: block until the answer to `question` is there; null when the wait was interrupted.
 *
 * `interrupted` is asked once the host can see that somebody waits: an interrupt that came before was for this wait
 * too, and nobody would wake it.
 */
export function awaitInput(
  buffer: SharedArrayBuffer,
  question: string,
  interrupted: () => boolean = () => false
): JupyterMessage | null {
  const words = new Int32Array(buffer, 0, 2);
  for (;;) {
    Atomics.compareExchange(words, STATE, IDLE, WAITING);
    if (interrupted()) {
      Atomics.store(words, STATE, IDLE);
      return null;
    }
    Atomics.wait(words, STATE, WAITING);
    const state = Atomics.exchange(words, STATE, IDLE);
    if (state !== ANSWERED) {
      return null;
    }
    const bytes = new Uint8Array(buffer).slice(HEADER_BYTES, HEADER_BYTES + Atomics.load(words, LENGTH));
    const reply = JSON.parse(new TextDecoder().decode(bytes)) as JupyterMessage;
    if (questionOf(reply) === question) {
      return reply;
    }
  }
}
