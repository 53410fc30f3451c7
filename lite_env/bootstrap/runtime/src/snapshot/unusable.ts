/** Why no snapshot is made, or why one is not used, in words; a plain start takes its place and nobody is disturbed. */
export class Unusable extends Error {
  override readonly name = 'Unusable';
}

/** There is no room for so many bytes; elsewhere there may be. */
export class TooLarge extends Unusable {}

/** Go on only where that holds. */
export function guard(holds: boolean, reason: string): asserts holds {
  if (!holds) {
    throw new Unusable(reason);
  }
}
