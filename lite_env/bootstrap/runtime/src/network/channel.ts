/**
 * How a kernel's requests leave it. The worker posts a request with memory of its own, and waits on that memory; the host
 * sends the request and writes what comes of it there, one thing at a time, the next when the worker has asked for it.
 * Memory and number are one request's, so no answer can be another's.
 *
 * The memory: a state word, a length word, then bytes.
 */

/** What stands in the memory; what Python's `exchange` module knows them by, too. */
export const NOTHING = 0;
/** JSON of a `Head`. */
export const HEAD = 1;
export const PIECE = 2;
export const END = 3;
/** JSON of a `Failing`. */
export const FAILED = 4;
/** Never written: what the worker's wait says when there is an interrupt. */
export const INTERRUPTED = 5;

export type Written = typeof HEAD | typeof PIECE | typeof END | typeof FAILED;

export const STATE = 0;
export const LENGTH = 1;
export const HEADER_BYTES = 8;
export const EXCHANGE_BYTES = HEADER_BYTES + (1 << 19);

export type Headers = readonly (readonly [string, string])[];

export interface NetworkRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  /** Null where there is none. */
  readonly body: Uint8Array | null;
  /** Milliseconds that the client will wait for; 0 where it said nothing. */
  readonly limit: number;
}

export interface Head {
  readonly status: number;
  readonly reason: string;
  readonly headers: Headers;
  /** Where the answer is from; another address than the request's where redirects were followed. */
  readonly url: string;
  readonly redirected: boolean;
  /** Whether the body was compressed, and is not any more. */
  readonly decoded: boolean;
}

/** Why there is no answer; `errors.py` has the words. */
export type FailureKind =
  | 'cors'
  | 'cors-or-unreachable'
  | 'mixed'
  | 'unreachable'
  | 'offline'
  | 'policy'
  | 'tls'
  | 'handshake'
  | 'not-granted'
  | 'broken'
  | 'body'
  | 'address'
  | 'long'
  | 'lost'
  | 'time';

export interface Failing {
  readonly kind: FailureKind;
  readonly detail: string;
}

/** A request that got no answer, or not the whole of one. */
export class NetworkFailure extends Error {
  constructor(
    readonly kind: FailureKind,
    readonly detail = ''
  ) {
    super(`${kind} ${detail}`.trim());
    this.name = 'NetworkFailure';
  }
}

/** What a worker posts to its host. */
export type FetchEnvelope =
  | {
      readonly type: 'fetch';
      readonly id: number;
      readonly request: NetworkRequest;
      readonly buffer: SharedArrayBuffer;
    }
  /** What was written has been taken. */
  | { readonly type: 'fetch-more'; readonly id: number }
  /** Nobody wants the rest. */
  | { readonly type: 'fetch-close'; readonly id: number };

export function isFetch(envelope: { readonly type: string }): envelope is FetchEnvelope {
  return envelope.type === 'fetch' || envelope.type === 'fetch-more' || envelope.type === 'fetch-close';
}

/** An answer as whoever sends requests gets it. */
export interface Answer {
  readonly head: Head;
  readonly body: AsyncIterator<Uint8Array>;
}

/** Sends a request. @throws NetworkFailure when there is no answer, here or from its body. */
export type Send = (request: NetworkRequest, signal: AbortSignal) => Promise<Answer>;
