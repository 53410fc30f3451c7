/** Takes out of a thread what is another in each start: clock, chance, and what of the machine a program can see. */

/** Milliseconds since 1970: the first of January of 2024. */
const TIME = 1_704_067_200_000;
/** Of C's `rand`, as the standard shows it. */
const [FACTOR, SUMMAND] = [1_103_515_245, 12_345];

/** From now on each start in this scope is the same one; who is restored of it is seeded anew. */
export function pinChance(scope: Record<string, unknown>): void {
  scope['Date'] = new Proxy(Date, {
    construct: (date, given: unknown[]) => Reflect.construct(date, given.length === 0 ? [TIME] : given) as object,
    apply: date => new date(TIME).toString(),
    get: (date, name) => (name === 'now' ? () => TIME : (Reflect.get(date, name) as unknown)),
  });
  put(performance, 'now', () => 0);
  put(Math, 'random', () => 0.5);
  let state = 1;
  put(Object.getPrototypeOf(crypto) as object, 'getRandomValues', <T extends ArrayBufferView>(view: T): T => {
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    for (let at = 0; at < bytes.length; at += 1) {
      state = (Math.imul(state, FACTOR) + SUMMAND) >>> 0;
      bytes[at] = state >>> 16;
    }
    return view;
  });
  // Language and number of processors.
  put(scope, 'navigator', undefined);
}

function put(owner: object, name: string, value: unknown): void {
  Object.defineProperty(owner, name, { value, configurable: true, writable: true });
}
