/**
 * How Ctrl-C gets to a kernel that is busy: memory shared between host and worker. Its first byte is the signal as
 * CPython reads it, which takes it away. Its second word stays, so that it can be told afterwards that there was an
 * interrupt, and says how many messages the host had sent when it came: memory is faster than messages, so an interrupt
 * may be there before the cell that it is meant for, and one that is older than the cell is not meant for it.
 */

const SIGINT = 2;
const SIGNAL = 0;
/** Index of the word: 0 where there was no interrupt, else one more than the messages that were sent before it. */
const REQUESTED = 1;

/** The worker looks more often than that, unless a program leaves it no time. */
const LATE_MS = 200;

export const INTERRUPT_BYTES = 8;

/** What CPython's `_Py_CheckEmscriptenSignals` reads and clears between bytecodes. */
export interface SignalBuffer {
  0: number;
}

/** Host side: ask the kernel to stop what it does, or will do with the last of the `sent` messages. */
export function requestInterrupt(memory: SharedArrayBuffer, sent: number): void {
  Atomics.store(new Int32Array(memory), REQUESTED, sent + 1);
  Atomics.store(new Uint8Array(memory), SIGNAL, SIGINT);
}

/** Worker side: forget an interrupt that came before the host sent message `number`, which counts from 1. */
export function forgetInterruptBefore(memory: SharedArrayBuffer, number: number): void {
  const words = new Int32Array(memory);
  const requested = Atomics.load(words, REQUESTED);
  if (requested <= number) {
    // One that comes in this moment stays requested; should its signal go, it is still to be told from the word.
    Atomics.compareExchange(words, REQUESTED, requested, 0);
    takeSignal(memory);
  }
}

/** Worker side: what came until now has done its work. */
export function forgetInterrupt(memory: SharedArrayBuffer): void {
  forgetInterruptBefore(memory, Infinity);
}

/** Worker side: the signal has reached the kernel by another way, and shall not reach it twice. */
export function takeSignal(memory: SharedArrayBuffer): void {
  Atomics.store(new Uint8Array(memory), SIGNAL, 0);
}

/** Worker side: whether a signal waits to be seen by the kernel. */
export function isInterrupted(memory: SharedArrayBuffer): boolean {
  return Atomics.load(new Uint8Array(memory), SIGNAL) === SIGINT;
}

/** Worker side: whether there was an interrupt since the last was forgotten, seen by the kernel or not. */
export function wasInterrupted(memory: SharedArrayBuffer): boolean {
  return Atomics.load(new Int32Array(memory), REQUESTED) !== 0;
}

/**
 * Worker side: the byte as CPython wants it.
 *
 * CPython reads it and then writes 0. On the plain memory a signal that comes between the two is lost, which a tight
 * loop, looking every microsecond, makes likely. Here the read takes the signal away, and the write does nothing.
 *
 * While a cell `awaits`, CPython may be in the event loop's own code, out of which nothing may be thrown: there the worker
 * takes the signal, and CPython gets one only that it does not come to.
 */
export function signalBuffer(memory: SharedArrayBuffer, awaits: () => boolean = () => false): SignalBuffer {
  const bytes = new Uint8Array(memory);
  let since: number | null = null;
  return {
    get 0() {
      if (isInterrupted(memory) && awaits()) {
        since ??= performance.now();
        if (performance.now() - since < LATE_MS) {
          return 0;
        }
      }
      since = null;
      return Atomics.exchange(bytes, SIGNAL, 0);
    },
    set 0(_value) {
      // Taken by the read.
    },
  };
}
