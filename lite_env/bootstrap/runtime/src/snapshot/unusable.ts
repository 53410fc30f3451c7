/** Why no snapshot is made, or why one is not used, in words; a plain start takes its place and nobody is disturbed. */
export class Unusable extends Error {
  override readonly name = 'Unusable';
}

/** Go on only where that holds. */
export function guard(holds: boolean, reason: string): asserts holds {
  if (!holds) {
    throw new Unusable(reason);
  }
}
