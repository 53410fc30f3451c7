import { newId } from '../ids';
import { accept, DriveError, type DriveChannel, type DriveEnvelope, type DriveRequest, type Ticket } from './channel';
import type { DriveDesk } from './desk';
import { GRACE_SECONDS, secondsOf } from './limits';

/**
 * A drive that lives in the page, over memory that page and worker share.
 *
 * The memory: a state word, a length word, then a piece of the answer, UTF-8 JSON. The worker posts its request and
 * waits until the state names it; the page writes a piece and wakes it. Where more pieces follow, the worker takes this
 * one out and asks for the next, so that an answer may be longer than the memory.
 *
 * The state is one word, so that it is seen wholly or not at all: two bits say what was written, the others for which
 * request. What comes for another request is passed over.
 */
const HEADER_BYTES = 8;
const STATE = 0;
const LENGTH = 1;
const KIND_BITS = 2;
const PIECE = 1;
const LAST = 2;
const MAX_ID = (1 << 29) - 1;

export const DRIVE_BYTES = 1 << 20;

/** Worker side. */
export class SharedDriveChannel implements DriveChannel {
  private readonly words: Int32Array;
  private readonly bytes: Uint8Array;
  private readonly epoch = newId();
  // Another worker may have been answered in this memory before.
  private id = Number.parseInt(this.epoch.slice(0, 7), 16);

  constructor(
    buffer: SharedArrayBuffer,
    private readonly post: (envelope: DriveEnvelope) => void,
    private readonly secondsFor: typeof secondsOf = secondsOf
  ) {
    this.words = new Int32Array(buffer, 0, 2);
    this.bytes = new Uint8Array(buffer);
  }

  ask(request: DriveRequest): unknown {
    const seconds = this.secondsFor(request.method);
    let isLast = this.next({ type: 'drive', request }, seconds);
    const pieces = [this.take()];
    while (!isLast) {
      isLast = this.next({ type: 'drive-more' }, seconds);
      pieces.push(this.take());
    }
    return accept(JSON.parse(decode(pieces)));
  }

  /** Whether the piece that has come is the last one. */
  private next(asked: { type: 'drive'; request: DriveRequest } | { type: 'drive-more' }, seconds: number): boolean {
    this.id = following(this.id);
    const now = Date.now();
    this.post({ ...asked, epoch: this.epoch, id: this.id, deadline: now + seconds * 1000 });
    const end = now + (seconds + GRACE_SECONDS) * 1000;
    for (;;) {
      const state = Atomics.load(this.words, STATE);
      if (state >> KIND_BITS === this.id) {
        return (state & LAST) !== 0;
      }
      const rest = end - Date.now();
      if (rest <= 0 || Atomics.wait(this.words, STATE, state, rest) === 'timed-out') {
        throw new DriveError('EIO', 'the page does not answer');
      }
    }
  }

  private take(): Uint8Array {
    return this.bytes.slice(HEADER_BYTES, HEADER_BYTES + Atomics.load(this.words, LENGTH));
  }
}

/** Page side: what the desk says, in pieces. */
export class SharedDriveHost {
  private readonly words: Int32Array;
  private readonly bytes: Uint8Array;
  /** What is left of the answer to the request that was taken last. */
  private last: Pick<Ticket, 'epoch' | 'id'> | null = null;
  private rest: Uint8Array = new Uint8Array(0);

  constructor(
    buffer: SharedArrayBuffer,
    private readonly desk: DriveDesk
  ) {
    this.words = new Int32Array(buffer, 0, 2);
    this.bytes = new Uint8Array(buffer);
  }

  /** Take an envelope of the worker, which waits until it is answered, whatever comes of it. */
  async take(envelope: DriveEnvelope): Promise<void> {
    const { epoch, id } = envelope;
    if (envelope.type === 'drive-more') {
      const isNext = this.last?.epoch === epoch && following(this.last.id) === id;
      this.last = isNext ? { epoch, id } : this.last;
      if (isNext) {
        this.give(id);
      }
      return;
    }
    this.last = { epoch, id };
    const answer = await this.desk.take(envelope, envelope.request);
    if (answer !== null && this.last.epoch === epoch && this.last.id === id) {
      this.rest = new TextEncoder().encode(answer);
      this.give(id);
    }
  }

  private give(id: number): void {
    const piece = this.rest.subarray(0, this.bytes.length - HEADER_BYTES);
    this.rest = this.rest.subarray(piece.length);
    this.bytes.set(piece, HEADER_BYTES);
    Atomics.store(this.words, LENGTH, piece.length);
    Atomics.store(this.words, STATE, (id << KIND_BITS) | (this.rest.length > 0 ? PIECE : LAST));
    Atomics.notify(this.words, STATE);
  }
}

/** Never 0, which is what fresh memory says. */
function following(id: number): number {
  return (id % MAX_ID) + 1;
}

function decode(pieces: readonly Uint8Array[]): string {
  // A piece may end within a character.
  const decoder = new TextDecoder();
  return pieces.map(piece => decoder.decode(piece, { stream: true })).join('') + decoder.decode();
}
