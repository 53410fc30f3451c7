/**
 * A snapshot as bytes, format 3. Numbers are little-endian; checksums are XXH64.
 *
 * | bytes | what |
 * |---|---|
 * | 0–11 | `lite-env snp` |
 * | 12–15 | the format: 3 |
 * | 16–47 | SHA-256 of all that follows, up to the end of the header |
 * | 48–51 | length of the header |
 * | 52–55 | zero |
 * | from 56 | the header, JSON in UTF-8: `key` (the parts of the key), `memory` (`size`, `runs`, `checksum` of the pages), `outside` (of the family: what lies outside of the memory), `libraries` (absolute paths), `preload` (`modules`, `why`; not there where nobody tried), `files` (name, length and checksum of each) |
 * | from the next multiple of 4096 | the memory's pages that are not zero, 4096 bytes each, in the order of `runs` |
 * | behind them | files as the start of a restored kernel needs them, without compression, one behind the other; there may be none |
 *
 * Whoever reads another format, or anything that does not fit, does without it.
 */
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import { checksumOf, checksums, type NewChecksum } from '../io/checksum';
import { sha256Hex } from '../io/digest';
import { readerOf, type Reader } from '../io/reader';
import { keyOf, sorted, type Key } from './key';
import { checkTable, PAGE, putPages, type Pages, type PageTable } from './pages';
import { guard, Unusable } from './unusable';

export const FORMAT = 3;
const MAGIC = 'lite-env snp';
const HASH_AT = 16;
const HASHED_FROM = 48;
const HEADER_AT = 56;
/** Bytes that are read in one go. */
const PIECE = 512 * 1024;

/** What is taken of a kernel. */
export interface Taken {
  readonly memory: Pages;
  /** What lies outside of the memory, as JSON has it; its family alone knows what it is. */
  readonly outside: unknown;
  /** Absolute paths of the environment's libraries that are loaded. */
  readonly libraries: readonly string[];
}

/** The same, as it is kept. */
export interface Copied extends Taken {
  /** Null where the kernel was copied as it starts, and nobody tried to preload anything. */
  readonly preload: Preload | null;
}

/** What came of importing modules before the kernel was copied. */
export interface Preload {
  /** Those that it has imported; none where it was copied without. */
  readonly modules: readonly string[];
  /** Why it was; empty where it was not. */
  readonly why: string;
}

/** Files that lie behind a snapshot, by their names: those of the kernel by their SHA-256, libraries by their paths. */
export type Files = ReadonlyMap<string, Uint8Array>;

export async function encodeSnapshot(key: Key, { memory, outside, libraries, preload }: Copied, files: Files = new Map()): Promise<Uint8Array> {
  const make = await checksums();
  const { size, runs, data } = memory;
  const listed = [...files].map(([name, file]) => [name, file.length, checksumOf(file, make)]);
  const parts = Object.fromEntries(sorted(key.parts));
  const table = { size, runs, checksum: checksumOf(data, make) };
  const header = new TextEncoder().encode(
    JSON.stringify({ key: parts, memory: table, outside, libraries, ...(preload && { preload }), files: listed })
  );
  const start = pagesAt(header.length);
  const bytes = new Uint8Array([...files.values()].reduce((sum, { length }) => sum + length, start + data.length));
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode(MAGIC));
  view.setUint32(MAGIC.length, FORMAT, true);
  view.setUint32(HASHED_FROM, header.length, true);
  bytes.set(header, HEADER_AT);
  bytes.set(hexToBytes(await sha256Hex(bytes.subarray(HASHED_FROM, HEADER_AT + header.length))), HASH_AT);
  let at = start;
  for (const part of [data, ...files.values()]) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/**
 * Read what a snapshot says of itself.
 *
 * @throws Unusable: it is damaged, or of another format.
 */
export async function decodeSnapshot(reader: Reader): Promise<Snapshot> {
  const make = await checksums();
  const { header, start } = await headerOf(reader);
  return new Snapshot(await keyOf(header.key), header, reader, start, make);
}

/** The same of bytes that are in memory. */
export function decodeBytes(bytes: Uint8Array): Promise<Snapshot> {
  return decodeSnapshot(readerOf(bytes));
}

/** A snapshot whose header was read: its pages, and the files behind them, are read and checked when they are wanted. */
export class Snapshot {
  private readonly places: ReadonlyMap<string, Place>;

  constructor(
    readonly key: Key,
    private readonly header: Header,
    private readonly reader: Reader,
    private readonly start: number,
    private readonly make: NewChecksum
  ) {
    let at = start + bytesOf(header.memory);
    this.places = new Map(header.files.map(([name, length, checksum]) => [name, { at: (at += length) - length, length, checksum }]));
  }

  get outside(): unknown {
    return this.header.outside;
  }

  get libraries(): readonly string[] {
    return this.header.libraries;
  }

  get preload(): Preload | null {
    return this.header.preload ?? null;
  }

  /** Bytes of the whole memory. */
  get size(): number {
    return this.header.memory.size;
  }

  /**
   * Make `memory` what was taken; of its bytes none from `fresh` on was ever written to.
   *
   * @throws Unusable: it is damaged, and so is the memory.
   */
  fill(memory: Uint8Array, fresh: number): void {
    const checksum = this.make();
    let from = this.start;
    const take = (into: Uint8Array) => {
      for (let at = 0; at < into.length; at += PIECE) {
        const piece = into.subarray(at, at + PIECE);
        this.read(piece, from);
        // While the processor still has it at hand.
        checksum.update(piece);
        from += piece.length;
      }
    };
    putPages(this.header.memory, take, memory, fresh);
    guard(checksum.digest() === this.header.memory.checksum, 'it is damaged');
  }

  /** All that was taken. @throws Unusable */
  copied(): Copied {
    const { memory, outside, libraries } = this.header;
    const data = new Uint8Array(bytesOf(memory));
    this.read(data, this.start);
    guard(checksumOf(data, this.make) === memory.checksum, 'it is damaged');
    return { memory: { size: memory.size, runs: memory.runs, data }, outside, libraries, preload: this.preload };
  }

  /** A file that lies behind it; null where there is none, or it is damaged. */
  file(name: string): Uint8Array | null {
    const place = this.places.get(name);
    if (!place) {
      return null;
    }
    const bytes = new Uint8Array(place.length);
    try {
      this.read(bytes, place.at);
    } catch {
      return null;
    }
    return checksumOf(bytes, this.make) === place.checksum ? bytes : null;
  }

  /** Nothing more is read of it. */
  close(): void {
    this.reader.close();
  }

  private read(into: Uint8Array, at: number): void {
    readPart(this.reader, into, at);
  }
}

/** Where a file lies. */
interface Place {
  readonly at: number;
  readonly length: number;
  readonly checksum: string;
}

interface Header {
  readonly key: Readonly<Record<string, string>>;
  readonly memory: PageTable & { readonly checksum: string };
  readonly outside: unknown;
  readonly libraries: readonly string[];
  readonly preload?: Preload;
  readonly files: readonly (readonly [name: string, length: number, checksum: string])[];
}

/** What the header says, and where the pages begin. */
async function headerOf(reader: Reader): Promise<{ readonly header: Header; readonly start: number }> {
  guard(reader.size >= HEADER_AT, 'it is no snapshot');
  const head = new Uint8Array(HEADER_AT);
  readPart(reader, head, 0);
  const view = new DataView(head.buffer);
  guard(ascii(head.subarray(0, MAGIC.length)) === MAGIC, 'it is no snapshot');
  const format = view.getUint32(MAGIC.length, true);
  guard(format === FORMAT, `it has format ${format}, not ${FORMAT}`);
  const length = view.getUint32(HASHED_FROM, true);
  const start = pagesAt(length);
  guard(start <= reader.size, 'it is damaged: its header is cut off');
  const hashed = new Uint8Array(HEADER_AT - HASHED_FROM + length);
  readPart(reader, hashed, HASHED_FROM);
  guard((await sha256Hex(hashed)) === bytesToHex(head.subarray(HASH_AT, HASHED_FROM)), 'it is damaged');
  const header = parse(hashed.subarray(HEADER_AT - HASHED_FROM));
  checkTable(header.memory);
  const size = header.files.reduce((sum, [, one]) => sum + one, start + bytesOf(header.memory));
  guard(size === reader.size, `it is damaged: it has ${reader.size} bytes of ${size}`);
  return { header, start };
}

function parse(bytes: Uint8Array): Header {
  let header: Partial<Header> | null;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as Partial<Header> | null;
  } catch {
    throw new Unusable('it is damaged: its header is not JSON');
  }
  const { key, memory, outside, libraries, preload, files } = header ?? {};
  const isKey = typeof key === 'object' && key !== null && Object.values(key).every(part => typeof part === 'string');
  const isMemory = Array.isArray(memory?.runs) && memory.runs.every(Array.isArray) && typeof memory.checksum === 'string';
  guard(isKey && isMemory && areTexts(libraries), 'its header lacks a part');
  guard(preload === undefined || (areTexts(preload.modules) && typeof preload.why === 'string'), 'its header lacks a part');
  guard(Array.isArray(files) && files.every(file => Array.isArray(file) && isSize(file[1])), 'its list of files is wrong');
  return { key, memory: memory as Header['memory'], outside, libraries, ...(preload && { preload }), files };
}

/** @throws Unusable: not so many bytes are there, or they cannot be read. */
function readPart(reader: Reader, into: Uint8Array, at: number): void {
  try {
    reader.read(into, at);
  } catch (error) {
    throw new Unusable(`it cannot be read: ${String(error)}`);
  }
}

function areTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(text => typeof text === 'string');
}

function isSize(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function bytesOf({ runs }: PageTable): number {
  return runs.reduce((sum, [, count]) => sum + count, 0) * PAGE;
}

function pagesAt(headerLength: number): number {
  return Math.ceil((HEADER_AT + headerLength) / PAGE) * PAGE;
}

function ascii(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
