import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { beat, createPulse } from '../src/pulse';

type Grant = () => unknown;

/** The browser's locks, as far as they are used: one holder, the others queue. */
class Locks {
  readonly queues = new Map<string, Grant[]>();
  forbidden = false;

  request(name: string, ...rest: unknown[]): Promise<unknown> {
    if (this.forbidden) {
      return Promise.reject(new DOMException('forbidden', 'SecurityError'));
    }
    const grant = rest.at(-1) as Grant;
    const signal = (rest[0] as { signal?: AbortSignal }).signal;
    return new Promise((resolve, reject) => {
      const queue = this.queues.get(name) ?? [];
      signal?.addEventListener('abort', () => {
        queue.splice(queue.indexOf(take), 1);
        reject(signal.reason as Error);
      });
      const take = () => resolve(grant());
      queue.push(take);
      this.queues.set(name, queue);
      if (queue.length === 1) {
        take();
      }
    });
  }

  /** The worker that holds them is gone. */
  release(): void {
    for (const queue of this.queues.values()) {
      queue.shift();
      queue[0]?.();
    }
  }
}

const own = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
const define = (locks: unknown) =>
  Object.defineProperty(globalThis, 'navigator', { value: { locks }, configurable: true, writable: true });
const settled = () => new Promise(resolve => setTimeout(resolve, 1));
let locks: Locks;

beforeEach(() => {
  locks = new Locks();
  define(locks);
});

afterEach(() => {
  if (own) {
    Object.defineProperty(globalThis, 'navigator', own);
  }
});

test('a worker that ends is noticed, once, and not before', async () => {
  const pulse = createPulse('1');
  let gone = 0;
  beat(pulse.name, () => pulse.watch(() => (gone += 1)));
  await settled();
  assert.equal(gone, 0);
  locks.release();
  await settled();
  assert.equal(gone, 1);
});

test('a worker that is ended on purpose is not missed', async () => {
  const pulse = createPulse('1');
  beat(pulse.name, () => pulse.watch(() => assert.fail('it was ended on purpose')));
  await settled();
  pulse.stop();
  locks.release();
  await settled();
});

test('a worker says that it holds its lock only when it does', async () => {
  let held = 0;
  beat('first', () => (held += 1));
  beat('first', () => assert.fail('another holds it'));
  await settled();
  assert.equal(held, 1);
});

test('where locks are forbidden or missing nothing is watched, and nothing fails', async () => {
  locks.forbidden = true;
  beat(createPulse('1').name, () => assert.fail('it never had the lock'));
  createPulse('1').watch(() => assert.fail('nobody knows'));
  define(undefined);
  const missing = createPulse('2');
  assert.equal(missing.name, null);
  beat(missing.name, () => assert.fail('there are no locks'));
  missing.watch(() => assert.fail('nobody knows'));
  await settled();
});
