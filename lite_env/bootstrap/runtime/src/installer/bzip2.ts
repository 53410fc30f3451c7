/**
 * bzip2, which older conda packages are compressed with (https://en.wikipedia.org/wiki/Bzip2#File_format). Checksums are
 * not looked at: the package's SHA-256 was.
 */

/** Bits of a stream, the highest of each byte first. */
class Bits {
  private at = 0;
  private held = 0;
  private count = 0;

  constructor(private readonly data: Uint8Array) {}

  /** Up to 24 bits. */
  take(wanted: number): number {
    while (this.count < wanted) {
      if (this.at >= this.data.length) {
        throw new Error('it ends early');
      }
      this.held = ((this.held << 8) | (this.data[this.at] as number)) & 0x7fffffff;
      this.at += 1;
      this.count += 8;
    }
    this.count -= wanted;
    return (this.held >>> this.count) & ((1 << wanted) - 1);
  }

  flag(): boolean {
    return this.take(1) === 1;
  }

  /** Go to the next whole byte; whether there is one. */
  align(): boolean {
    this.count -= this.count % 8;
    return this.at < this.data.length || this.count > 0;
  }
}

const BLOCK = 0x314159;
const END = 0x177245;
/** Codes in a group, after which another table may be used. */
const GROUP = 50;
const MAX_LENGTH = 20;
const RUN_A = 0;
const RUN_B = 1;

/** Inflate all streams of `data`; `take` gets pieces, and says whether it wants more. @throws Error when it is not bzip2. */
export function bunzip(data: Uint8Array, take: (piece: Uint8Array) => boolean): void {
  const bits = new Bits(data);
  do {
    if (bits.take(24) !== 0x425a68) {
      throw new Error('it does not begin as bzip2 does');
    }
    const level = bits.take(8) - 0x30;
    if (level < 1 || level > 9) {
      throw new Error('it has no sound block size');
    }
    const block = new Uint32Array(level * 100_000);
    for (;;) {
      const magic = bits.take(24);
      const rest = bits.take(24);
      if (magic === END && rest === 0x385090) {
        bits.take(16);
        bits.take(16);
        break;
      }
      if (magic !== BLOCK || rest !== 0x265359) {
        throw new Error('a block does not begin as it should');
      }
      if (!take(readBlock(bits, block))) {
        return;
      }
    }
  } while (bits.align());
}

function readBlock(bits: Bits, block: Uint32Array): Uint8Array {
  bits.take(16);
  bits.take(16);
  if (bits.flag()) {
    throw new Error('a block is randomised, which no program does any more');
  }
  const origin = bits.take(24);
  const symbols = readSymbols(bits);
  const tables = readTables(bits, symbols.length + 2);
  const length = readMoves(bits, tables, symbols, block);
  if (origin >= length) {
    throw new Error('a block begins outside of itself');
  }
  return withoutRuns(unsort(block, length, origin));
}

/** The bytes that occur, ascending. */
function readSymbols(bits: Bits): number[] {
  const used = bits.take(16);
  const symbols: number[] = [];
  for (let row = 0; row < 16; row += 1) {
    const columns = (used & (0x8000 >> row)) === 0 ? 0 : bits.take(16);
    for (let column = 0; column < 16; column += 1) {
      if ((columns & (0x8000 >> column)) !== 0) {
        symbols.push(row * 16 + column);
      }
    }
  }
  if (symbols.length === 0) {
    throw new Error('a block has no symbols');
  }
  return symbols;
}

/** One Huffman code: the first code and the first place of each length, and the symbols in the order of their codes. */
interface Table {
  readonly first: readonly number[];
  readonly place: readonly number[];
  readonly counts: readonly number[];
  readonly order: readonly number[];
}

interface Tables {
  readonly tables: readonly Table[];
  readonly selectors: Uint8Array;
}

function readTables(bits: Bits, alphabet: number): Tables {
  const count = bits.take(3);
  const groups = bits.take(15);
  if (count < 2 || count > 6 || groups === 0) {
    throw new Error('a block has no sound tables');
  }
  const recent = Array.from({ length: count }, (_, table) => table);
  const selectors = new Uint8Array(groups);
  for (let group = 0; group < groups; group += 1) {
    let back = 0;
    while (bits.flag()) {
      back += 1;
      if (back >= count) {
        throw new Error('a block selects a table that it has not');
      }
    }
    const [table] = recent.splice(back, 1) as [number];
    recent.unshift(table);
    selectors[group] = table;
  }
  return { tables: Array.from({ length: count }, () => readTable(bits, alphabet)), selectors };
}

function readTable(bits: Bits, alphabet: number): Table {
  const lengths: number[] = [];
  let length = bits.take(5);
  for (let symbol = 0; symbol < alphabet; symbol += 1) {
    while (bits.flag()) {
      length += bits.flag() ? -1 : 1;
    }
    if (length < 1 || length > MAX_LENGTH) {
      throw new Error('a code is too long');
    }
    lengths.push(length);
  }
  const counts = Array.from({ length: MAX_LENGTH + 1 }, (_, wanted) => lengths.filter(found => found === wanted).length);
  const first: number[] = [0];
  const place: number[] = [0];
  for (let bit = 1, code = 0, at = 0; bit <= MAX_LENGTH; bit += 1) {
    code <<= 1;
    first.push(code);
    place.push(at);
    code += counts[bit] as number;
    at += counts[bit] as number;
  }
  const order = lengths.map((_, symbol) => symbol).sort((a, b) => (lengths[a] as number) - (lengths[b] as number) || a - b);
  return { first, place, counts, order };
}

function readCode(bits: Bits, { first, place, counts, order }: Table): number {
  let code = 0;
  for (let length = 1; length <= MAX_LENGTH; length += 1) {
    code = (code << 1) | bits.take(1);
    const offset = code - (first[length] as number);
    if (offset >= 0 && offset < (counts[length] as number)) {
      return order[(place[length] as number) + offset] as number;
    }
  }
  throw new Error('a code is none of its table');
}

/** Fill the block with bytes; how many there are. Runs come as numbers of two digits, bytes as how long ago they were. */
function readMoves(bits: Bits, { tables, selectors }: Tables, symbols: number[], block: Uint32Array): number {
  const end = symbols.length + 1;
  let length = 0;
  let run = 0;
  let weight = 1;
  for (let read = 0; ; read += 1) {
    const table = tables[selectors[Math.floor(read / GROUP)] ?? -1];
    if (!table) {
      throw new Error('a block has more codes than it says');
    }
    const code = readCode(bits, table);
    if (code === RUN_A || code === RUN_B) {
      run += weight << code;
      weight <<= 1;
      if (run > block.length) {
        throw new Error('a block is longer than it may be');
      }
      continue;
    }
    if (length + run + (code === end ? 0 : 1) > block.length) {
      throw new Error('a block is longer than it may be');
    }
    block.fill(symbols[0] as number, length, length + run);
    length += run;
    run = 0;
    weight = 1;
    if (code === end) {
      return length;
    }
    const [symbol] = symbols.splice(code - 1, 1) as [number];
    symbols.unshift(symbol);
    block[length] = symbol;
    length += 1;
  }
}

/** Undo the sorting of Burrows and Wheeler: above each byte of the block its successor is written. */
function unsort(block: Uint32Array, length: number, origin: number): Uint8Array {
  const starts = new Uint32Array(257);
  for (let at = 0; at < length; at += 1) {
    starts[((block[at] as number) & 0xff) + 1] = (starts[((block[at] as number) & 0xff) + 1] as number) + 1;
  }
  for (let byte = 0; byte < 256; byte += 1) {
    starts[byte + 1] = (starts[byte + 1] as number) + (starts[byte] as number);
  }
  for (let at = 0; at < length; at += 1) {
    const byte = (block[at] as number) & 0xff;
    const to = starts[byte] as number;
    starts[byte] = to + 1;
    block[to] = (block[to] as number) | (at << 8);
  }
  const raw = new Uint8Array(length);
  let at = (block[origin] as number) >>> 8;
  for (let written = 0; written < length; written += 1) {
    raw[written] = (block[at] as number) & 0xff;
    at = (block[at] as number) >>> 8;
  }
  return raw;
}

/** Four equal bytes are followed by how many more there are. */
function withoutRuns(data: Uint8Array): Uint8Array {
  let size = 0;
  const walk = (emit: (byte: number, times: number) => void) => {
    let same = 0;
    let last = -1;
    for (const byte of data) {
      if (same === 4) {
        emit(last, byte);
        same = 0;
        last = -1;
        continue;
      }
      same = byte === last ? same + 1 : 1;
      last = byte;
      emit(byte, 1);
    }
  };
  walk((_, times) => (size += times));
  const raw = new Uint8Array(size);
  let at = 0;
  walk((byte, times) => {
    raw.fill(byte, at, at + times);
    at += times;
  });
  return raw;
}
