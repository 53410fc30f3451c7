/**
 * How Ctrl-C gets to a kernel that is busy: memory shared between host and worker. Of its two bytes one is the signal as
 * CPython reads it, which takes it away; the other stays, so that it can be told afterwards that there was one.
 */

const SIGINT = 2;
const SIGNAL = 0;
const REQUESTED = 1;

export const INTERRUPT_BYTES = 2;

/** What CPython's `_Py_CheckEmscriptenSignals` reads and clears between bytecodes. */
export interface SignalBuffer {
  0: number;
}

/** Host side: ask the kernel to stop what it does. */
export function requestInterrupt(memory: SharedArrayBuffer): void {
  const bytes = new Uint8Array(memory);
  Atomics.store(bytes, REQUESTED, 1);
  Atomics.store(bytes, SIGNAL, SIGINT);
}

/** Worker side: what came until now is not for what comes now. */
export function forgetInterrupt(memory: SharedArrayBuffer): void {
  takeSignal(memory);
  Atomics.store(new Uint8Array(memory), REQUESTED, 0);
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
  return Atomics.load(new Uint8Array(memory), REQUESTED) === 1;
}

/**
 * Worker side: the byte as CPython wants it.
 *
 * CPython reads it and then writes 0. On the plain memory a signal that comes between the two is lost, which a tight
 * loop, looking every microsecond, makes likely. Here the read takes the signal away, and the write does nothing.
 */
export function signalBuffer(memory: SharedArrayBuffer): SignalBuffer {
  const bytes = new Uint8Array(memory);
  return {
    get 0() {
      return Atomics.exchange(bytes, 0, 0);
    },
    set 0(_value) {
      // Taken by the read.
    },
  };
}
