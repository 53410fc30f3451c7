/**
 * A snapshot as bytes, format 2. Numbers are little-endian.
 *
 * | bytes | what |
 * |---|---|
 * | 0–11 | `lite-env snp` |
 * | 12–15 | the format: 2 |
 * | 16–47 | SHA-256 of all that follows, up to the end of the pages |
 * | 48–51 | length of the header |
 * | 52–55 | zero |
 * | from 56 | the header, JSON in UTF-8: `key` (the parts of the key), `memory` (`size`, `runs`), `outside` (of the family: what lies outside of the memory), `preload` (`modules`, `why`; not there where nobody tried), `files` (SHA-256 and length of each) |
 * | from the next multiple of 4096 | the memory's pages that are not zero, 4096 bytes each, in the order of `runs` |
 * | behind them | the kernel's own files as its start needs them, without compression, one behind the other; there may be none |
 *
 * Whoever reads another format, or anything that does not fit, does without it.
 */
import { sha256Hex } from '../io/digest';
import { keyOf, sorted, type Key } from './key';
import { checkPages, PAGE, type Pages } from './pages';
import { guard, Unusable } from './unusable';

export const FORMAT = 2;
const MAGIC = 'lite-env snp';
const HASH_AT = 16;
const HASHED_FROM = 48;
const HEADER_AT = 56;

export interface Snapshot extends Taken {
  readonly key: Key;
  /** Null where the kernel was copied as it starts, and nobody tried to preload anything. */
  readonly preload: Preload | null;
}

/** What is taken of a kernel. */
export interface Taken {
  readonly memory: Pages;
  /** What lies outside of the memory, as JSON has it; its family alone knows what it is. */
  readonly outside: unknown;
}

/** What came of importing modules before the kernel was copied. */
export interface Preload {
  /** Those that it has imported; none where it was copied without. */
  readonly modules: readonly string[];
  /** Why it was; empty where it was not. */
  readonly why: string;
}

/** Files of the kernel that lie behind a snapshot, by their SHA-256. */
export type Files = ReadonlyMap<string, Uint8Array>;

export async function encodeSnapshot({ key, memory, outside, preload }: Snapshot, files: Files = new Map()): Promise<Uint8Array> {
  const { size, runs, data } = memory;
  const lengths = [...files].map(([digest, { length }]) => [digest, length] as const);
  const parts = Object.fromEntries(sorted(key.parts));
  const told = { key: parts, memory: { size, runs }, outside, ...(preload && { preload }), files: lengths };
  const header = new TextEncoder().encode(JSON.stringify(told));
  const start = pagesAt(header.length);
  const end = start + data.length;
  const bytes = new Uint8Array(end + lengths.reduce((sum, [, length]) => sum + length, 0));
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode(MAGIC));
  view.setUint32(12, FORMAT, true);
  view.setUint32(HASHED_FROM, header.length, true);
  bytes.set(header, HEADER_AT);
  bytes.set(data, start);
  let at = end;
  for (const file of files.values()) {
    bytes.set(file, at);
    at += file.length;
  }
  bytes.set(fromHex(await sha256Hex(bytes.subarray(HASHED_FROM, end))), HASH_AT);
  return bytes;
}

/**
 * Read a snapshot; its pages are a part of `bytes`, which must not change. `checked` are bytes that somebody has vouched for.
 *
 * @throws Unusable: it is damaged, or of another format.
 */
export async function decodeSnapshot(bytes: Uint8Array, checked = false): Promise<Snapshot> {
  const { key, memory, outside, preload = null, start, end } = headerOf(bytes);
  const isWhole = async () => (await sha256Hex(bytes.subarray(HASHED_FROM, end))) === toHex(bytes.subarray(HASH_AT, HASHED_FROM));
  guard(checked || (await isWhole()), 'it is damaged');
  const pages = { ...memory, data: bytes.subarray(start, end) };
  checkPages(pages);
  return { key: await keyOf(key), memory: pages, outside, preload };
}

/** The files behind a snapshot that may be damaged, as they may be: each is to be held against its SHA-256. */
export function filesOf(bytes: Uint8Array): Files {
  const { files, end } = headerOf(bytes);
  let at = end;
  return new Map(files.map(([digest, length]) => [digest, bytes.subarray(at, (at += length))]));
}

interface Header {
  readonly key: Readonly<Record<string, string>>;
  readonly memory: Pick<Pages, 'size' | 'runs'>;
  readonly outside: unknown;
  readonly preload?: Preload;
  readonly files: readonly (readonly [digest: string, length: number])[];
}

/** What the header says, and where the pages begin and end. */
function headerOf(bytes: Uint8Array): Header & { readonly start: number; readonly end: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  guard(bytes.length >= HEADER_AT && ascii(bytes.subarray(0, MAGIC.length)) === MAGIC, 'it is no snapshot');
  const format = view.getUint32(12, true);
  guard(format === FORMAT, `it has format ${format}, not ${FORMAT}`);
  const length = view.getUint32(HASHED_FROM, true);
  const start = pagesAt(length);
  guard(start <= bytes.length, 'it is damaged: its header is cut off');
  const header = parse(bytes.subarray(HEADER_AT, HEADER_AT + length));
  const end = bytes.length - header.files.reduce((sum, [, size]) => sum + size, 0);
  guard(end >= start, 'it is damaged: it is cut off');
  return { ...header, start, end };
}

function parse(bytes: Uint8Array): Header {
  let header: Partial<Header> | null;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as Partial<Header> | null;
  } catch {
    throw new Unusable('it is damaged: its header is not JSON');
  }
  const { key, memory, outside, preload, files } = header ?? {};
  const isKey = typeof key === 'object' && key !== null && Object.values(key).every(part => typeof part === 'string');
  guard(isKey && Array.isArray(memory?.runs) && memory.runs.every(Array.isArray), 'its header lacks a part');
  guard(preload === undefined || (Array.isArray(preload.modules) && typeof preload.why === 'string'), 'its header lacks a part');
  guard(Array.isArray(files) && files.every(file => Array.isArray(file) && isSize(file[1])), 'its list of files is wrong');
  return { key, memory, outside, ...(preload && { preload }), files };
}

function isSize(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function pagesAt(headerLength: number): number {
  return Math.ceil((HEADER_AT + headerLength) / PAGE) * PAGE;
}

function ascii(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('');
}

function fromHex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], pair => Number.parseInt(pair, 16));
}
