/**
 * A snapshot as bytes, format 1. Numbers are little-endian.
 *
 * | bytes | what |
 * |---|---|
 * | 0–11 | `lite-env snp` |
 * | 12–15 | the format: 1 |
 * | 16–47 | SHA-256 of all that follows |
 * | 48–51 | length of the header |
 * | 52–55 | zero |
 * | from 56 | the header, JSON in UTF-8: `key` (the parts of the key), `memory` (`size`, `runs`), `outside` (of the family: what lies outside of the memory) |
 * | from the next multiple of 4096 | the memory's pages that are not zero, 4096 bytes each, in the order of `runs` |
 *
 * Whoever reads another format, or anything that does not fit, does without it.
 */
import { sha256Hex } from '../io/digest';
import { keyOf, sorted, type Key } from './key';
import { checkPages, PAGE, type Pages } from './pages';
import { guard, Unusable } from './unusable';

export const FORMAT = 1;
const MAGIC = 'lite-env snp';
const HASH_AT = 16;
const HASHED_FROM = 48;
const HEADER_AT = 56;

export interface Snapshot {
  readonly key: Key;
  readonly memory: Pages;
  /** What lies outside of the memory, as JSON has it; its family alone knows what it is. */
  readonly outside: unknown;
}

export async function encodeSnapshot({ key, memory, outside }: Snapshot): Promise<Uint8Array> {
  const { size, runs, data } = memory;
  const told = { key: Object.fromEntries(sorted(key.parts)), memory: { size, runs }, outside };
  const header = new TextEncoder().encode(JSON.stringify(told));
  const start = pagesAt(header.length);
  const bytes = new Uint8Array(start + data.length);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode(MAGIC));
  view.setUint32(12, FORMAT, true);
  view.setUint32(HASHED_FROM, header.length, true);
  bytes.set(header, HEADER_AT);
  bytes.set(data, start);
  bytes.set(fromHex(await sha256Hex(bytes.subarray(HASHED_FROM))), HASH_AT);
  return bytes;
}

/**
 * Read a snapshot; its pages are a part of `bytes`, which must not change. `checked` are bytes that somebody has vouched for.
 *
 * @throws Unusable: it is damaged, or of another format.
 */
export async function decodeSnapshot(bytes: Uint8Array, checked = false): Promise<Snapshot> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  guard(bytes.length >= HEADER_AT && ascii(bytes.subarray(0, MAGIC.length)) === MAGIC, 'it is no snapshot');
  const format = view.getUint32(12, true);
  guard(format === FORMAT, `it has format ${format}, not ${FORMAT}`);
  const isWhole = async () => (await sha256Hex(bytes.subarray(HASHED_FROM))) === toHex(bytes.subarray(HASH_AT, HASHED_FROM));
  guard(checked || (await isWhole()), 'it is damaged');
  const length = view.getUint32(HASHED_FROM, true);
  guard(pagesAt(length) <= bytes.length, 'its header is cut off');
  const { key, memory, outside } = parse(bytes.subarray(HEADER_AT, HEADER_AT + length));
  const pages = { ...memory, data: bytes.subarray(pagesAt(length)) };
  checkPages(pages);
  return { key: await keyOf(key), memory: pages, outside };
}

interface Header {
  readonly key: Readonly<Record<string, string>>;
  readonly memory: Pick<Pages, 'size' | 'runs'>;
  readonly outside: unknown;
}

function parse(bytes: Uint8Array): Header {
  let header: Partial<Header> | null;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as Partial<Header> | null;
  } catch {
    throw new Unusable('its header is not JSON');
  }
  const { key, memory, outside } = header ?? {};
  const isKey = typeof key === 'object' && key !== null && Object.values(key).every(part => typeof part === 'string');
  guard(isKey && Array.isArray(memory?.runs) && memory.runs.every(Array.isArray), 'its header lacks a part');
  return { key, memory, outside };
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
