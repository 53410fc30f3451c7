/** When a page registers its service worker, and lets it keep the page's files. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { registerSiteWorker } from '../src/page/site-worker';
import { KEEP } from '../src/service/channel';

test('the kernel starts first: then the service worker is registered, and told that it may keep the page', async () => {
  const happened: unknown[] = [];
  const active = { postMessage: (message: unknown) => happened.push(message) };
  const serviceWorker = {
    controller: null,
    ready: Promise.resolve({ active }),
    addEventListener: () => undefined,
    register: async (url: string) => void happened.push(url),
  };
  Object.defineProperty(globalThis, 'navigator', { value: { serviceWorker }, configurable: true });
  let start: (value?: unknown) => void = () => undefined;
  const started = new Promise(resolve => (start = resolve));
  const events = { started, problem: (problem: unknown) => happened.push(problem), replaced: () => undefined };
  const registered = registerSiteWorker('sw.js', events);
  await new Promise(resolve => setTimeout(resolve, 5));
  assert.deepEqual(happened, []);
  start();
  await registered;
  assert.deepEqual(happened, ['sw.js', KEEP]);
});
