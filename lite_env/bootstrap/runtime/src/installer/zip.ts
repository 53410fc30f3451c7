/** Reads zip files, which wheels and .conda packages are: what the directory at the end says is what is believed. */
import { Refused } from './refusal';

/** Bytes that a package may become; more does not fit beside a kernel. */
const LIMIT = 1 << 30;
const END = 0x06054b50;
const ENTRY = 0x02014b50;
const LOCAL = 0x04034b50;
const END_SIZE = 22;
const STORED = 0;
const DEFLATED = 8;

export interface ZipEntry {
  /** As it is written; who places files checks it. */
  readonly name: string;
  readonly size: number;
  /** Permission bits of Unix, or 0. */
  readonly mode: number;
  read(): Promise<Uint8Array>;
}

/** The files of a zip, without its folders. @throws Refused when it is none. */
export function readZip(data: Uint8Array, name: string): ZipEntry[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const broken = (what: string): never => {
    throw new Refused(`"${name}" is not a sound zip file: ${what}`, 'it is truncated or another file: get it again');
  };
  const end = findEnd(view);
  if (end < 0) {
    return broken('it has no directory');
  }
  const count = view.getUint16(end + 10, true);
  let at = view.getUint32(end + 16, true);
  if (count === 0xffff || at === 0xffffffff) {
    return broken('it is of the 64-bit kind, which is not read here');
  }
  const entries: ZipEntry[] = [];
  const seen = new Set<string>();
  let total = 0;
  for (let read = 0; read < count; read += 1) {
    if (at + 46 > data.length || view.getUint32(at, true) !== ENTRY) {
      return broken('its directory ends early');
    }
    const nameLength = view.getUint16(at + 28, true);
    const size = view.getUint32(at + 24, true);
    const path = new TextDecoder().decode(data.subarray(at + 46, at + 46 + nameLength));
    total += size;
    if (seen.has(path) || total > LIMIT) {
      return broken(seen.has(path) ? `"${path}" is in it twice` : `it would become more than ${LIMIT} bytes`);
    }
    seen.add(path);
    if (!path.endsWith('/')) {
      entries.push(new Entry(data, view, at, path, size, name));
    }
    at += 46 + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return entries;
}

/** Behind the directory may be a comment of 64 kB. */
function findEnd(view: DataView): number {
  const last = view.byteLength - END_SIZE;
  for (let at = last; at >= Math.max(0, last - 0xffff); at -= 1) {
    if (view.getUint32(at, true) === END) {
      return at;
    }
  }
  return -1;
}

class Entry implements ZipEntry {
  readonly mode: number;

  constructor(
    private readonly data: Uint8Array,
    private readonly view: DataView,
    private readonly at: number,
    readonly name: string,
    readonly size: number,
    private readonly zip: string
  ) {
    this.mode = (view.getUint32(at + 38, true) >>> 16) & 0o777;
  }

  async read(): Promise<Uint8Array> {
    const { view, at, size } = this;
    const method = view.getUint16(at + 10, true);
    const packed = view.getUint32(at + 20, true);
    const local = view.getUint32(at + 42, true);
    if (local + 30 > this.data.length || view.getUint32(local, true) !== LOCAL || (view.getUint16(at + 8, true) & 1) !== 0) {
      return this.broken('it is not where the directory says, or is encrypted');
    }
    const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    const body = this.data.subarray(start, start + packed);
    if (method === STORED && packed === size && body.length === size) {
      return body.slice();
    }
    if (method !== DEFLATED || body.length !== packed) {
      return this.broken(method === DEFLATED || method === STORED ? 'it is truncated' : `it is packed by method ${method}`);
    }
    try {
      return await inflate(body, view.getUint32(at + 16, true), size);
    } catch (cause) {
      return this.broken(String((cause as Error).message ?? cause));
    }
  }

  private broken(why: string): never {
    throw new Refused(`"${this.name}" in "${this.zip}" cannot be unpacked: ${why}`, 'the file is damaged: get it again');
  }
}

/** By way of gzip, which every browser inflates and which has the checksum that zip has: it is looked at, too. */
async function inflate(body: Uint8Array, crc: number, size: number): Promise<Uint8Array> {
  const head = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff);
  const tail = new Uint8Array(8);
  new DataView(tail.buffer).setUint32(0, crc, true);
  new DataView(tail.buffer).setUint32(4, size, true);
  const packed = new Blob([head, body as Uint8Array<ArrayBuffer>, tail]);
  const reader = packed.stream().pipeThrough(new DecompressionStream('gzip')).getReader();
  const raw = new Uint8Array(size);
  let filled = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      break;
    }
    if (filled + value.length > size) {
      await reader.cancel().catch(() => undefined);
      throw new Error(`it becomes more than the ${size} bytes that the directory says`);
    }
    raw.set(value, filled);
    filled += value.length;
  }
  if (filled !== size) {
    throw new Error(`it becomes ${filled} bytes, expected ${size}`);
  }
  return raw;
}
