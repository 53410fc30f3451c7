import type { DriveMethod } from './channel';

/** A browser ends what its service worker does after five minutes. */
const BODY_SECONDS = 240;
const OTHER_SECONDS = 60;
/** So much longer a worker waits than the page and its service worker take: their own words come first. */
export const GRACE_SECONDS = 5;

/** How long a request may take, on every way: bodies may be large, the rest is a few hundred bytes. */
export function secondsOf(method: DriveMethod | undefined): number {
  return method === 'get' || method === 'put' ? BODY_SECONDS : OTHER_SECONDS;
}

/** Bytes beyond which a file does not fit into one answer: its base64 would be longer than a string of V8 can be. */
export const WHOLE_BYTES = 384 << 20;

/** Bytes of a piece, where the drive takes pieces. */
export const PIECE_BYTES = 8 << 20;
