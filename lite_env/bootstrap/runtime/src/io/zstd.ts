import base64 from 'zstd-decoder';
import { fromBase64 } from '../base64';
import { because, BootError } from '../errors';

const BROKEN = 'the pack is broken: make it again';
/**
 * Milliseconds without work after which the decoder's memory is given back: longer than a slow link takes for the next
 * files, or the memory before, which is collected late, lies beside the next one.
 */
const REST_MS = 3000;

/** Some of the bytes that a file becomes. */
export interface Part {
  readonly offset: number;
  readonly size: number;
}

/** What of the decoder's exports is used; a buffer is three words: where it is, its size, and how far it was used. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  malloc(size: number): number;
  free(pointer: number): void;
  ZSTD_createDCtx(): number;
  ZSTD_freeDCtx(context: number): void;
  ZSTD_DStreamInSize(): number;
  ZSTD_DStreamOutSize(): number;
  ZSTD_decompressStream(context: number, output: number, input: number): number;
}

/**
 * zstd that decodes while the caller blocks, as a read inside the kernel must. It decodes piece by piece: its memory
 * holds the window of one archive (8 MiB at most, as we pack) and never a whole one, and it is let go at rest, since
 * memory of WebAssembly never shrinks.
 */
export class Zstd {
  private module: WebAssembly.Module | null = null;
  private instance: Exports | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly restMs = REST_MS) {}

  /** Compile the decoder; to be awaited once before `decode`. */
  async init(): Promise<void> {
    // Not by a fetch of a data: URL, which a Content-Security-Policy may forbid.
    try {
      this.module ??= await WebAssembly.compile(fromBase64(base64) as Uint8Array<ArrayBuffer>);
    } catch (cause) {
      const hint = 'the browser is too old, or does not allow WebAssembly here';
      throw because(cause, 'CompileFailed', 'the decoder of archives cannot be compiled here', { hint });
    }
  }

  /** Bytes of memory that the decoder has now. */
  get held(): number {
    return this.instance?.memory.buffer.byteLength ?? 0;
  }

  /** Inflate `data`, which must become exactly `rawSize` bytes. */
  decode(data: Uint8Array, rawSize: number, path: string): Uint8Array {
    const [raw] = this.decodeParts(data, rawSize, path, [{ offset: 0, size: rawSize }]);
    return raw as Uint8Array;
  }

  /** Inflate `data`, which must become exactly `rawSize` bytes, and give those `parts` of them, sorted by offset. */
  decodeParts(data: Uint8Array, rawSize: number, path: string, parts: readonly Part[]): Uint8Array[] {
    let made: number;
    let found: Uint8Array[];
    try {
      found = parts.map(({ size }) => new Uint8Array(size));
      made = this.pieces(data, scatterer(parts, found, rawSize));
    } catch (cause) {
      this.instance = null;
      throw because(cause, 'Undecodable', `"${path}" cannot be inflated`, { file: path, hint: BROKEN });
    }
    if (made !== rawSize) {
      throw new BootError('Undecodable', `"${path}" does not inflate to the ${rawSize} bytes the manifest says`, {
        file: path,
        hint: BROKEN,
      });
    }
    return found;
  }

  /** Inflate `data` piece by piece; a piece is good until `take` returns, which says whether it wants more. */
  pieces(data: Uint8Array, take: (piece: Uint8Array) => boolean): number {
    return stream(this.started(), data, take);
  }

  private started(): Exports {
    if (!this.module) {
      throw new Error('the decoder is not there yet');
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => (this.instance = null), this.restMs);
    (this.timer as { unref?(): void }).unref?.(); // Node would wait for it.
    const imports = { env: { emscripten_notify_memory_growth: () => undefined } };
    this.instance ??= new WebAssembly.Instance(this.module, imports).exports as unknown as Exports;
    return this.instance;
  }
}

/** Takes pieces of `rawSize` bytes one behind the other, and puts what is of `parts` into their places. */
function scatterer(parts: readonly Part[], places: readonly Uint8Array[], rawSize: number): (piece: Uint8Array) => boolean {
  let start = 0;
  let first = 0;
  return piece => {
    const end = start + piece.length;
    if (end > rawSize) {
      return false;
    }
    for (let index = first; index < parts.length; index += 1) {
      const { offset, size } = parts[index] as Part;
      if (offset >= end) {
        break;
      }
      const from = Math.max(offset, start);
      (places[index] as Uint8Array).set(piece.subarray(from - start, Math.min(offset + size, end) - start), from - offset);
      first = index === first && offset + size <= end ? index + 1 : first;
    }
    start = end;
    return true;
  };
}

/** Decode all frames of `data`; how many bytes they make, up to those that are not wanted. */
function stream(zstd: Exports, data: Uint8Array, take: (piece: Uint8Array) => boolean): number {
  const context = zstd.ZSTD_createDCtx();
  const input = new Piece(zstd, zstd.ZSTD_DStreamInSize());
  const output = new Piece(zstd, zstd.ZSTD_DStreamOutSize());
  let read = 0;
  let written = 0;
  try {
    for (let isFull = false, left = 1; read < data.length || isFull; ) {
      input.fill(data.subarray(read, read + input.room));
      output.empty();
      left = zstd.ZSTD_decompressStream(context, output.buffer, input.buffer);
      if (left < 0) {
        throw new Error(`zstd says error ${-left}`);
      }
      const part = output.content();
      written += part.length;
      if (!take(part)) {
        return written;
      }
      read += input.used;
      isFull = left > 0 && part.length === output.room;
      if (read === data.length && left > 0 && !isFull) {
        throw new Error('it ends in the middle of a frame');
      }
    }
    return written;
  } finally {
    input.free();
    output.free();
    zstd.ZSTD_freeDCtx(context);
  }
}

/** A piece of the decoder's memory, which may move whenever the decoder allocates. */
class Piece {
  readonly buffer: number;
  private readonly start: number;

  constructor(
    private readonly zstd: Exports,
    readonly room: number
  ) {
    this.buffer = zstd.malloc(12);
    this.start = zstd.malloc(room);
    if (this.buffer === 0 || this.start === 0) {
      throw new Error('no memory is left');
    }
  }

  fill(data: Uint8Array): void {
    new Uint8Array(this.zstd.memory.buffer).set(data, this.start);
    this.words().set([this.start, data.length, 0]);
  }

  empty(): void {
    this.words().set([this.start, this.room, 0]);
  }

  /** How many bytes were read from it or written to it. */
  get used(): number {
    return this.words()[2] as number;
  }

  content(): Uint8Array {
    return new Uint8Array(this.zstd.memory.buffer, this.start, this.used);
  }

  free(): void {
    this.zstd.free(this.start);
    this.zstd.free(this.buffer);
  }

  private words(): Uint32Array {
    return new Uint32Array(this.zstd.memory.buffer, this.buffer, 3);
  }
}
