import { describe } from '../errors';
import {
  END,
  FAILED,
  HEAD,
  HEADER_BYTES,
  LENGTH,
  NetworkFailure,
  NOTHING,
  PIECE,
  STATE,
  type Failing,
  type FetchEnvelope,
  type Send,
  type Written,
} from './channel';

/** Host side: sends the requests of one worker. */
export class FetchDesk {
  private readonly open = new Map<number, Exchange>();

  constructor(private readonly send: Send) {}

  take(envelope: FetchEnvelope): void {
    const { id } = envelope;
    if (envelope.type === 'fetch') {
      const exchange = new Exchange(envelope.buffer);
      this.open.set(id, exchange);
      void exchange.run(envelope.request, this.send).finally(() => this.open.delete(id));
    } else if (envelope.type === 'fetch-more') {
      this.open.get(id)?.more();
    } else {
      this.open.get(id)?.close();
    }
  }

  /** The worker has ended: nobody waits any more. */
  close(): void {
    this.open.forEach(exchange => exchange.close());
  }
}

/** Thrown where the worker has closed a request, and never told. */
class Closed extends Error {}

class Exchange {
  private readonly words: Int32Array;
  private readonly bytes: Uint8Array;
  private readonly abort = new AbortController();
  private taken: () => void = () => undefined;

  constructor(buffer: SharedArrayBuffer) {
    this.words = new Int32Array(buffer, 0, 2);
    this.bytes = new Uint8Array(buffer, HEADER_BYTES);
  }

  more(): void {
    this.taken();
  }

  close(): void {
    this.abort.abort();
    this.taken();
  }

  /** Send the request and write what comes of it; resolves when all was said, whatever that is. */
  async run(request: Parameters<Send>[0], send: Send): Promise<void> {
    const { signal } = this.abort;
    try {
      const { head, body } = await send(request, signal);
      try {
        await this.tell(HEAD, head);
        for (let next = await body.next(); !next.done; next = await body.next()) {
          await this.give(next.value);
        }
      } catch (error) {
        await body.return?.();
        throw error;
      }
      this.write(END, new Uint8Array(0));
    } catch (error) {
      if (!signal.aborted) {
        this.write(FAILED, encode(failing(error)));
      }
    }
  }

  private async give(piece: Uint8Array): Promise<void> {
    for (let at = 0; at < piece.length; at += this.bytes.length) {
      await this.put(PIECE, piece.subarray(at, at + this.bytes.length));
    }
  }

  private async tell(what: Written, value: object): Promise<void> {
    const bytes = encode(value);
    if (bytes.length > this.bytes.length) {
      throw new NetworkFailure('long');
    }
    await this.put(what, bytes);
  }

  /** Write, and wait until it was taken. */
  private async put(what: Written, bytes: Uint8Array): Promise<void> {
    const taken = new Promise<void>(resolve => (this.taken = resolve));
    this.write(what, bytes);
    await taken;
    if (this.abort.signal.aborted) {
      throw new Closed();
    }
  }

  private write(what: Written, bytes: Uint8Array): void {
    this.bytes.set(bytes);
    Atomics.store(this.words, LENGTH, bytes.length);
    // Nothing else can stand there: whoever comes here has seen it taken.
    Atomics.compareExchange(this.words, STATE, NOTHING, what);
    Atomics.notify(this.words, STATE);
  }
}

function failing(error: unknown): Failing {
  const { kind, detail } = error instanceof NetworkFailure ? error : { kind: 'broken' as const, detail: describe(error) };
  return { kind, detail: detail.slice(0, 2000) };
}

function encode(value: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
