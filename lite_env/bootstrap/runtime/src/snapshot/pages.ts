/** Memory as those of its pages that are not zero. */
import { guard } from './unusable';

/** Smaller than WebAssembly's own pages: half of a kernel's memory is zero in pieces of this size. */
export const PAGE = 4096;

/** Which pages a memory has. */
export interface PageTable {
  /** Bytes of the whole memory. */
  readonly size: number;
  /** Which pages these are: the first of each run, and how many follow one another, in ascending order. */
  readonly runs: readonly (readonly [first: number, count: number])[];
}

export interface Pages extends PageTable {
  /** Their bytes, one page behind the other. */
  readonly data: Uint8Array;
}

/** Copy what is not zero out of `memory`, whose length is a multiple of the page's. */
export function takePages(memory: Uint8Array): Pages {
  const runs = runsOf(memory);
  const data = new Uint8Array(runs.reduce((sum, [, count]) => sum + count, 0) * PAGE);
  let at = 0;
  for (const [first, count] of runs) {
    data.set(memory.subarray(first * PAGE, (first + count) * PAGE), at);
    at += count * PAGE;
  }
  return { size: memory.length, runs, data };
}

/**
 * Make `memory` what was taken, by `take`, which fills what it is given with the bytes of the pages that come next; of its bytes
 * none from `fresh` on was ever written to.
 */
export function putPages({ size, runs }: PageTable, take: (into: Uint8Array) => void, memory: Uint8Array, fresh: number): void {
  guard(memory.length >= size, `the memory has ${memory.length} bytes, the snapshot ${size}`);
  let end = 0;
  for (const [first, count] of [...runs, [Math.ceil(memory.length / PAGE), 0] as const]) {
    if (end < fresh) {
      clear(memory.subarray(end, Math.min(first * PAGE, fresh)));
    }
    take(memory.subarray(first * PAGE, (first + count) * PAGE));
    end = (first + count) * PAGE;
  }
}

/** @throws Unusable: the table is not one of a memory. */
export function checkTable({ size, runs }: PageTable): void {
  let end = 0;
  for (const [first, count] of runs) {
    guard(Number.isSafeInteger(first) && Number.isSafeInteger(count) && first >= end && count > 0, 'its table of pages is wrong');
    end = first + count;
  }
  guard(Number.isSafeInteger(size) && size % PAGE === 0 && end * PAGE <= size, 'its pages lie outside of its memory');
}

function runsOf(memory: Uint8Array): [number, number][] {
  const words = new Int32Array(memory.buffer, memory.byteOffset, memory.length / 4);
  const runs: [number, number][] = [];
  let last: [number, number] | undefined;
  for (let page = 0; page * PAGE < memory.length; page += 1) {
    if (isZero(words, (page * PAGE) / 4, PAGE / 4)) {
      continue;
    }
    if (last && last[0] + last[1] === page) {
      last[1] += 1;
    } else {
      runs.push((last = [page, 1]));
    }
  }
  return runs;
}

function isZero(words: Int32Array, from: number, count: number): boolean {
  for (let at = from; at < from + count; at += 1) {
    if (words[at] !== 0) {
      return false;
    }
  }
  return true;
}

/** Looks first: memory that is only read costs nothing, and most of it is zero. */
function clear(bytes: Uint8Array): void {
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  for (let from = 0; from < words.length; from += PAGE / 4) {
    if (!isZero(words, from, Math.min(PAGE / 4, words.length - from))) {
      words.fill(0, from, from + PAGE / 4);
    }
  }
}
