import { accept, DriveError, type DriveChannel, type DriveRefusal, type DriveRequest } from './channel';

/**
 * A drive that lives in the page, over memory that page and worker share.
 *
 * The memory: a state word, a length word, then a piece of the answer, UTF-8 JSON. The worker posts its request and
 * waits on the state; the page writes a piece and wakes it. Where more pieces follow, the worker takes this one out and
 * asks for the next, so that an answer may be longer than the memory.
 */
const HEADER_BYTES = 8;
const STATE = 0;
const LENGTH = 1;
const WAITING = 1;
const PIECE = 2;
const LAST = 3;

export const DRIVE_BYTES = 1 << 20;

export type DriveEnvelope =
  | { readonly type: 'drive'; readonly request: DriveRequest }
  | { readonly type: 'drive-more' };

/** Worker side. */
export class SharedDriveChannel implements DriveChannel {
  private readonly words: Int32Array;
  private readonly bytes: Uint8Array;

  constructor(
    buffer: SharedArrayBuffer,
    private readonly post: (envelope: DriveEnvelope) => void
  ) {
    this.words = new Int32Array(buffer, 0, 2);
    this.bytes = new Uint8Array(buffer);
  }

  ask(request: DriveRequest): unknown {
    let isLast = this.next({ type: 'drive', request });
    const pieces = [this.take()];
    while (!isLast) {
      isLast = this.next({ type: 'drive-more' });
      pieces.push(this.take());
    }
    return accept(JSON.parse(decode(pieces)));
  }

  private next(envelope: DriveEnvelope): boolean {
    Atomics.store(this.words, STATE, WAITING);
    this.post(envelope);
    Atomics.wait(this.words, STATE, WAITING);
    return Atomics.load(this.words, STATE) === LAST;
  }

  private take(): Uint8Array {
    return this.bytes.slice(HEADER_BYTES, HEADER_BYTES + Atomics.load(this.words, LENGTH));
  }
}

/** Page side: answers the worker's requests with what `answer` says. */
export class SharedDriveHost {
  private readonly words: Int32Array;
  private readonly bytes: Uint8Array;
  private rest: Uint8Array = new Uint8Array(0);

  constructor(
    buffer: SharedArrayBuffer,
    private readonly answer: (request: DriveRequest) => Promise<unknown>
  ) {
    this.words = new Int32Array(buffer, 0, 2);
    this.bytes = new Uint8Array(buffer);
  }

  /** Take an envelope of the worker, which waits until `answer` has settled, whatever comes of it. */
  async take(envelope: DriveEnvelope): Promise<void> {
    if (envelope.type === 'drive') {
      const answer = await this.answer(envelope.request).catch(refusal);
      this.rest = new TextEncoder().encode(JSON.stringify(answer ?? null));
    }
    this.give();
  }

  private give(): void {
    const piece = this.rest.subarray(0, this.bytes.length - HEADER_BYTES);
    this.rest = this.rest.subarray(piece.length);
    this.bytes.set(piece, HEADER_BYTES);
    Atomics.store(this.words, LENGTH, piece.length);
    Atomics.store(this.words, STATE, this.rest.length > 0 ? PIECE : LAST);
    Atomics.notify(this.words, STATE);
  }
}

/** How an error is told to the other side. */
export function refusal(error: unknown): DriveRefusal {
  const code = error instanceof DriveError ? error.code : 'EIO';
  return { error: { code, message: error instanceof Error ? error.message : String(error) } };
}

function decode(pieces: readonly Uint8Array[]): string {
  // A piece may end within a character.
  const decoder = new TextDecoder();
  return pieces.map(piece => decoder.decode(piece, { stream: true })).join('') + decoder.decode();
}
