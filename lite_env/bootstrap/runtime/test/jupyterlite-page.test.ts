/** What the extension decides about notebooks, drives and the service worker. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AllDrives, folderOf } from '../src/jupyterlite/contents';
import type { HostContents, KernelClient, SessionContextClass } from '../src/jupyterlite/host-types';
import { takeInterrupts } from '../src/jupyterlite/interrupt';
import type { LiteKernel } from '../src/jupyterlite/kernel';
import { choose, mapKernels } from '../src/jupyterlite/preference';
import { untilControlled, type Container } from '../src/jupyterlite/service-wait';
import type { LiteKernelPlan } from '../src/jupyterlite/site';

const plan = (name: string, language: string) => ({ name, language }) as LiteKernelPlan;
const SITE = { kernels: [plan('xlua', 'lua'), plan('one', 'Python'), plan('two', 'python')], default: null };
const KNOWN = (name: string) => ['xlua', 'one', 'two'].includes(name);

test('a kernel that is there, or that nobody names, is left alone', () => {
  assert.equal(choose({ name: 'two', language: 'python' }, KNOWN, SITE), 'two');
  assert.equal(choose({ language: 'python' }, KNOWN, SITE), undefined);
});

test('in place of one that is not there comes one of the language: the default, else the first', () => {
  assert.equal(choose({ name: 'python3', language: 'python' }, KNOWN, SITE), 'one');
  assert.equal(choose({ name: 'python3', language: 'python' }, KNOWN, { ...SITE, default: 'two' }), 'two');
  assert.equal(choose({ name: 'python3', language: 'python' }, KNOWN, { ...SITE, default: 'xlua' }), 'one');
  assert.equal(choose({ name: 'python' }, KNOWN, SITE), 'one');
  assert.equal(choose({ name: 'lua5.4', language: 'lua' }, KNOWN, SITE), 'xlua');
});

test('a language that the site lacks keeps its name, so that the application asks', () => {
  assert.equal(choose({ name: 'ir', language: 'R' }, KNOWN, { ...SITE, default: 'two' }), 'ir');
});

test('a name that tells nothing gets the default, where there is one', () => {
  assert.equal(choose({ name: 'mine' }, KNOWN, SITE), 'mine');
  assert.equal(choose({ name: 'mine' }, KNOWN, { ...SITE, default: 'two' }), 'two');
});

test('what a notebook is opened with and what it is made with both come by the choice', async () => {
  class Context {
    constructor(private preference: { name?: string }) {}
    get kernelPreference() {
      return this.preference;
    }
    set kernelPreference(value: { name?: string }) {
      this.preference = value;
    }
    initialize() {
      return Promise.resolve(this.preference.name);
    }
  }
  mapKernels(Context as unknown as SessionContextClass, ({ name }) => (name === 'python3' ? 'one' : name));
  assert.equal(await new Context({ name: 'python3' }).initialize(), 'one');
  const opened = new Context({});
  opened.kernelPreference = { name: 'python3' };
  assert.deepEqual(opened.kernelPreference, { name: 'one' });
});

test('a version that has no such property is left as it is', () => {
  class Other {}
  mapKernels(Other as unknown as SessionContextClass, () => 'one');
  assert.deepEqual(Object.getOwnPropertyNames(Other.prototype), ['constructor']);
});

/** A contents manager with a drive more, which answers with what it was asked. */
function manager(...drives: string[]) {
  const asked: unknown[] = [];
  const contents = {
    _additionalDrives: new Map(drives.map(name => [name, {}])),
    driveName: (path: string) => drives.find(name => path.split('/')[0]?.startsWith(`${name}:`)) ?? '',
    get: (path: string) => {
      asked.push(path);
      return Promise.resolve({ name: '', path, type: 'directory', content: [{ name: 'a', path: 'a', type: 'file' }] });
    },
    rename: (path: string, newPath: string) => Promise.resolve(asked.push([path, newPath])),
    delete: (path: string) => Promise.resolve(void asked.push(path)),
    save: (path: string) => Promise.resolve(asked.push(path)),
    newUntitled: ({ path }: { path: string }) => Promise.resolve({ name: '', path: `${path}/x`, type: 'directory' }),
  } as unknown as HostContents;
  return { contents, asked, all: new AllDrives(contents) };
}

test('a kernel starts in the folder of its notebook, in whichever drive', () => {
  const { contents } = manager('Test');
  const cases: Readonly<Record<string, string>> = {
    '': '',
    'a/b': 'a/b',
    ':a': 'a',
    'Test:': 'Test:',
    'Test:a/b': 'Test:/a/b',
    'no: drive/a': 'no: drive/a',
  };
  for (const [location, folder] of Object.entries(cases)) {
    assert.equal(folderOf(location, contents), folder, location);
  }
});

test('other drives are folders in the root, and their files are reached there', async () => {
  const { all, asked } = manager('Test', 'Other');
  const root = await all.get('/', { content: true });
  assert.deepEqual((root.content as { name: string }[]).map(({ name }) => name), ['a', 'Test:', 'Other:']);
  await all.get('/Test:/a/b');
  await all.get('/Test:');
  await all.get('/a');
  await all.rename('/Test:/a', '/b');
  await all.save('/Other:/x', { type: 'file', format: 'base64', content: '' });
  assert.deepEqual(asked, ['', 'Test:a/b', 'Test:', 'a', ['Test:a', 'b'], 'Other:x']);
});

test('a folder that is made in another drive comes back under a name that is found', async () => {
  const { all, asked } = manager('Test');
  const made = await all.newUntitled({ path: '/Test:/a', type: 'directory' });
  await all.rename(made.path, '/Test:/a/new');
  assert.deepEqual(asked, [['Test:a/x', 'Test:a/new']]);
});

/** `navigator.serviceWorker`. */
class FakeContainer extends EventTarget {
  controller: unknown = null;
  take(): void {
    this.controller = {};
    this.dispatchEvent(new Event('controllerchange'));
  }
}

function service(ready: Promise<void>, enabled = true) {
  return { ready, enabled };
}

const never = new Promise<void>(() => undefined);
const asContainer = (container: FakeContainer) => container as unknown as Container;

test('a page that has its service worker waits for nothing', async () => {
  const container = new FakeContainer();
  container.take();
  assert.equal(await untilControlled(service(never), asContainer(container), 10), null);
});

test('one that is being installed is waited for until it takes over', async () => {
  const container = new FakeContainer();
  const waiting = untilControlled(service(Promise.resolve()), asContainer(container), 5000);
  setImmediate(() => container.take());
  assert.equal(await waiting, null);
});

test('no service worker is a reason, and never a wait without end', async () => {
  const container = asContainer(new FakeContainer());
  assert.match(String(await untilControlled(service(never, false), container, 10)), /does not start/);
  assert.match(String(await untilControlled(service(Promise.resolve()), container, 10)), /does not take over/);
  assert.match(String(await untilControlled(service(Promise.reject(undefined)), container, 5000)), /could not be registered/);
  assert.match(String(await untilControlled(null, container, 5000)), /turned off/);
});

test('an interrupt reaches a kernel of ours, and others as before', async () => {
  const others: string[] = [];
  const client: KernelClient = { interrupt: id => Promise.resolve(void others.push(id)) };
  const kernel = { canInterrupt: true, isBusy: true, interrupts: 0, interrupt: () => (kernel.interrupts += 1) };
  const refused: unknown[] = [];
  takeInterrupts(client, id => (id === 'ours' ? (kernel as unknown as LiteKernel) : undefined), found => refused.push(found));
  await client.interrupt('theirs');
  await client.interrupt('ours');
  assert.deepEqual([others, kernel.interrupts, refused.length], [['theirs'], 1, 0]);
  kernel.canInterrupt = false;
  await client.interrupt('ours');
  assert.deepEqual(refused, [kernel]);
  kernel.isBusy = false;
  await client.interrupt('ours');
  assert.equal(refused.length, 1);
});
