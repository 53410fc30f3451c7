/** How Ctrl-C gets to a kernel that is busy: one byte of memory shared between host and worker, as CPython reads it. */

const SIGINT = 2;

export const INTERRUPT_BYTES = 1;

/** What CPython's `_Py_CheckEmscriptenSignals` reads and clears between bytecodes. */
export interface SignalBuffer {
  0: number;
}

/** Host side: ask the kernel to stop what it does. */
export function requestInterrupt(memory: SharedArrayBuffer): void {
  Atomics.store(new Uint8Array(memory), 0, SIGINT);
}

/** Worker side: an interrupt that has not been seen yet shall not be seen any more. */
export function forgetInterrupt(memory: SharedArrayBuffer): void {
  Atomics.store(new Uint8Array(memory), 0, 0);
}

/** Worker side: whether an interrupt waits to be seen. */
export function isInterrupted(memory: SharedArrayBuffer): boolean {
  return Atomics.load(new Uint8Array(memory), 0) === SIGINT;
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
