/** JavaScript values that Python holds: named by where each start has them, or refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { References, type Way } from '../src/family/pyodide/references';
import { Unusable } from '../src/snapshot/unusable';

const isUnusable = (reason: RegExp) => (error: unknown) => error instanceof Unusable && reason.test(error.message);

function start(): Record<'kernel' | 'js', Record<string, object>> {
  return { kernel: { say: () => 'said' }, js: { setTimeout() {}, Object } };
}

test('a value is found in another start under the name that it had', () => {
  const [one, other] = [start(), start()];
  const values = ({ kernel, js }: typeof one) => [kernel, kernel['say'], js, js['setTimeout'], Object];
  const before = new References(one);
  const ways = JSON.parse(JSON.stringify(values(one).map(value => before.wayTo(value)))) as Way[];
  assert.deepEqual(ways.map(way => new References(other).at(way)), values(other));
});

test('a value that no start has, or that a property computes, refuses', () => {
  const js = Object.defineProperty({}, 'made', { get: () => js });
  const references = new References({ js });
  assert.throws(() => references.wayTo(() => 1), isUnusable(/holds the function ""/));
  assert.throws(() => references.wayTo({}), isUnusable(/holds \[object Object\]/));
  assert.throws(() => new References({ js: { get made() { return Math; } } }).wayTo(Math), Unusable);
});

test('a name that nothing has refuses the restore', () => {
  assert.throws(() => new References(start()).at(['js', 'gone']), isUnusable(/there is no js\.gone here/));
  assert.throws(() => new References(start()).at(['network']), isUnusable(/there is no network/));
});
