/** Which of the application's modules the extension takes, and what it offers the application. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadModules } from '../src/jupyterlite/modules';
import { isOlder, load, pick, type ShareScope } from '../src/jupyterlite/shared';

const of = (module: unknown, more: object = {}) => ({ get: () => Promise.resolve(() => module), ...more });

test('of several versions the newest is taken, unless an older one is loaded', () => {
  const versions = { '0.8.6': of(1), '0.8.7': of(2), '0.8.10': of(3) };
  assert.equal(pick({ a: versions }, 'a'), '0.8.10');
  assert.equal(pick({ a: { ...versions, '0.8.6': of(1, { loaded: 1 }) } }, 'a'), '0.8.6');
  assert.equal(pick({ a: { '0.8.7': of(2), '0.8.6': of(1, { loaded: true }) } }, 'a'), '0.8.7');
  assert.equal(pick({}, 'a'), null);
});

test('a version is older by its numbers, and before its release', () => {
  for (const [one, other] of [
    ['0.8.6', '0.8.10'],
    ['0.9.9', '1.0.0'],
    ['1.0.0-rc1', '1.0.0'],
    ['1.0.0-alpha2', '1.0.0-beta1'],
    ['1.0', '1.0.1'],
  ] as const) {
    assert.ok(isOlder(one, other), `${one} < ${other}`);
    assert.ok(!isOlder(other, one), `${other} < ${one}`);
  }
  assert.ok(!isOlder('1.2.3', '1.2.3+build'));
});

test('a factory may be there at once, as one bundler has it, or come, as the other has it', async () => {
  const scope: ShareScope = { now: { '1.0.0': { get: () => () => 'now' } }, later: { '1.0.0': of('later') } };
  assert.deepEqual([await load(scope, 'now'), await load(scope, 'later')], ['now', 'later']);
});

test('an application without something optional has the kernels all the same', async t => {
  t.mock.method(console, 'warn', () => undefined);
  const scope: ShareScope = {
    '@jupyterlite/services': { '0.8.6': of('services') },
    '@lumino/signaling': { '2.0.0': of('signaling') },
    '@jupyterlab/statusbar': { '4.0.0': { get: () => Promise.reject(new Error('404')) } },
  };
  const found = await loadModules(scope);
  assert.equal(found?.services, 'services');
  assert.equal(found?.statusbar, null);
  assert.equal(found?.lab, null);
});

test('JupyterLab, which has kernels of its own, gets none', async () => {
  assert.equal(await loadModules({ '@lumino/signaling': { '2.0.0': of('signaling') } }), null);
});
