import { isInterrupted } from '../kernel/interrupt';
import {
  END,
  EXCHANGE_BYTES,
  FAILED,
  HEADER_BYTES,
  INTERRUPTED,
  LENGTH,
  NOTHING,
  STATE,
  type Failing,
  type FetchEnvelope,
  type Headers,
  type NetworkRequest,
} from './channel';
import { sources } from './sources';

/** Where an answer's parts are taken from. */
interface Incoming {
  /** What has come, within so many milliseconds. */
  wait(milliseconds: number, interrupted: () => boolean): number;
  take(): Uint8Array;
  close(): void;
}

/** A way to send one request. */
type Open = (request: NetworkRequest) => Incoming;

/** Worker side, as Python's module `lite_env_bridge` has it: numbers, text and bytes, and nothing that is thrown. */
export class KernelNetwork {
  private readonly exchanges = new Map<number, Incoming>();
  private interrupt: SharedArrayBuffer | null = null;
  private sent = 0;

  constructor(private readonly begin: Open) {}

  /** Memory in which the host shows interrupts. */
  listen(interrupt: SharedArrayBuffer): void {
    this.interrupt = interrupt;
  }

  /** `headers` are JSON; `body` may be empty. */
  open(method: string, url: string, headers: string, body: Uint8Array | undefined, limit: number): number {
    this.sent += 1;
    // A copy: what a kernel hands over may lie in its own memory.
    const own = body?.length ? body.slice() : null;
    const request = { method, url, headers: JSON.parse(headers) as Headers, body: own, limit };
    this.exchanges.set(this.sent, this.begin(request));
    return this.sent;
  }

  wait(id: number, milliseconds: number): number {
    return this.exchanges.get(id)?.wait(milliseconds, () => this.interrupted()) ?? FAILED;
  }

  take(id: number): Uint8Array {
    const exchange = this.exchanges.get(id);
    const last = exchange?.wait(0, () => false);
    if (last === END || last === FAILED) {
      this.exchanges.delete(id); // Nothing comes after it, and its memory is given back.
    }
    return exchange?.take() ?? new TextEncoder().encode('{"kind": "lost"}');
  }

  /** Of one that has ended nothing is left to be closed. */
  close(id: number): void {
    this.exchanges.get(id)?.close();
    this.exchanges.delete(id);
  }

  nap(milliseconds: number): void {
    if (typeof SharedArrayBuffer === 'undefined') {
      const end = performance.now() + milliseconds;
      while (performance.now() < end);
    } else if (!this.interrupted()) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
    }
  }

  interrupted(): boolean {
    return this.interrupt !== null && isInterrupted(this.interrupt);
  }

  source(name: string): string {
    return sources[name] ?? '';
  }
}

/** What a bridge in Python calls: functions, not methods, since some call them without their object. */
export function bridgeHost(network: KernelNetwork): object {
  return {
    open: (method: string, url: string, headers: string, body: Uint8Array | '' | undefined, limit: number) =>
      network.open(method, url, headers, body || undefined, limit),
    wait: (id: number, milliseconds: number) => network.wait(id, milliseconds),
    take: (id: number) => network.take(id),
    close: (id: number) => network.close(id),
    nap: (milliseconds: number) => network.nap(milliseconds),
    interrupted: () => network.interrupted(),
    source: (name: string) => network.source(name),
  };
}

/** Of a kernel that is started to be copied: what a server told it would be told to each that comes of the copy. */
export function refuse(): Incoming {
  const failing: Failing = { kind: 'cors-or-unreachable', detail: '' };
  return { wait: () => FAILED, take: () => new TextEncoder().encode(JSON.stringify(failing)), close: () => undefined };
}

/** Through the host, over memory that both see. */
export function throughHost(post: (envelope: FetchEnvelope) => void): Open {
  let sent = 0;
  return request => {
    const id = (sent += 1);
    const buffer = new SharedArrayBuffer(EXCHANGE_BYTES);
    post({ type: 'fetch', id, request, buffer });
    return new Shared(id, buffer, post);
  };
}

class Shared implements Incoming {
  private readonly words: Int32Array;
  private readonly bytes: Uint8Array;

  constructor(
    private readonly id: number,
    buffer: SharedArrayBuffer,
    private readonly post: (envelope: FetchEnvelope) => void
  ) {
    this.words = new Int32Array(buffer, 0, 2);
    this.bytes = new Uint8Array(buffer, HEADER_BYTES);
  }

  wait(milliseconds: number, interrupted: () => boolean): number {
    if (Atomics.load(this.words, STATE) === NOTHING && milliseconds > 0) {
      if (interrupted()) {
        return INTERRUPTED;
      }
      Atomics.wait(this.words, STATE, NOTHING, milliseconds);
    }
    return Atomics.load(this.words, STATE);
  }

  take(): Uint8Array {
    const bytes = this.bytes.slice(0, Atomics.load(this.words, LENGTH));
    Atomics.store(this.words, STATE, NOTHING);
    this.post({ type: 'fetch-more', id: this.id });
    return bytes;
  }

  close(): void {
    this.post({ type: 'fetch-close', id: this.id });
  }
}
