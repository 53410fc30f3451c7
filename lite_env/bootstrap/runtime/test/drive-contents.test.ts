/** The page's side of a drive: requests answered from contents managers, and the browser's own storage. */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { DriveContentsProcessor } from '@jupyterlite/services/lib/contents/drivecontents';
import 'fake-indexeddb/auto';
import { IDBFactory } from 'fake-indexeddb';
import { toBase64 } from '../src/base64';
import { DriveError, type DriveMethod } from '../src/drive/channel';
import type { ContentsManager } from '../src/embed/api';
import { BrowserContents } from '../src/embed/browser-contents';
import { answerDrive, asDriveError } from '../src/embed/processor';
import { text, utf8 } from './support/pack';

const DIR = 0o40777;
const FILE = 0o100666;

let contents: BrowserContents;

beforeEach(async () => {
  Object.assign(globalThis, { indexedDB: new IDBFactory() });
  contents = await BrowserContents.open();
});

const ask = (method: DriveMethod, path: string, data?: Record<string, unknown>, manager: ContentsManager = contents) =>
  answerDrive(manager, { method, path, ...(data && { data }) });

function refuses(code: string) {
  return (error: unknown): true => {
    assert.ok(error instanceof DriveError, String(error));
    assert.equal(error.code, code, error.message);
    assert.ok(error.message);
    return true;
  };
}

async function fill(): Promise<void> {
  await contents.makeFolder('d');
  await contents.makeFolder('d/e');
  await contents.write('a.txt', utf8('größe'));
  await contents.write('d/b', new Uint8Array([0, 255, 10]));
}

test('what JupyterLite’s processor answers, ours answers too', async () => {
  await fill();
  const theirs = new DriveContentsProcessor({ contentsManager: contents as never });
  const asked: [DriveMethod, string, unknown?][] = [
    ['readdir', '/'],
    ['readdir', '/d'],
    ['getmode', '/d'],
    ['getmode', '/a.txt'],
    ['get', '/d/b'],
    ['put', '/d/b', { format: 'base64', data: 'AAE=' }],
    ['get', '/d/b'],
    ['rename', '/d/b', { newPath: '/d/c' }],
    ['readdir', '/d'],
    ['rmdir', '/d/c'],
    ['mknod', '/d/n', { mode: FILE }],
    ['readdir', '/d'],
  ];
  const run = async (answer: (request: any) => Promise<unknown>) => {
    await contents.delete('d');
    await contents.delete('a.txt');
    await fill();
    const found = [];
    for (const [method, path, data] of asked) {
      found.push(await answer({ method, path, ...(data !== undefined && { data }) }));
    }
    return found;
  };
  const ours = await run(request => answerDrive(contents, request));
  assert.deepEqual(ours, await run(request => theirs.processDriveRequest(request)));
  const own = await ask('lookup', '/d/e');
  const their = await theirs.processDriveRequest({ method: 'lookup', path: '/d/e' });
  assert.deepEqual({ ...(own as object), stat: undefined }, { ...their, stat: undefined, mode: DIR });
  const stat = await ask('getattr', '/a.txt');
  const theirStat = await theirs.processDriveRequest({ method: 'getattr', path: '/a.txt' });
  assert.deepEqual({ ...(stat as object), blocks: 0, mode: 0 }, { ...theirStat, blocks: 0, mode: 0 });
});

test('a lookup brings the stat, a detailed listing the types', async () => {
  await fill();
  const found = (await ask('lookup', '/a.txt')) as { mode: number; stat: { size: number; mtime: string } };
  assert.equal(found.mode, FILE);
  assert.equal(found.stat.size, 7);
  assert.ok(Math.abs(Date.parse(found.stat.mtime) - Date.now()) < 10_000);
  assert.deepEqual(await ask('lookup', '/none'), { ok: false });
  assert.deepEqual(await ask('lookup', '/a.txt/below'), { ok: false });
  assert.deepEqual(await ask('readdir', '/', { detail: true }), [
    { name: 'a.txt', mode: FILE },
    { name: 'd', mode: DIR },
  ]);
});

const refusals: [string, DriveMethod, string, Record<string, unknown> | undefined][] = [
  ['EEXIST', 'mknod', '/d', { mode: DIR }],
  ['EEXIST', 'mknod', '/a.txt', { mode: FILE }],
  ['ENOENT', 'mknod', '/none/x', { mode: DIR }],
  ['ENOENT', 'mknod', '/none/x', { mode: FILE }],
  ['ENOTDIR', 'mknod', '/a.txt/x', { mode: FILE }],
  ['ENOTEMPTY', 'rmdir', '/d', undefined],
  ['ENOENT', 'rmdir', '/none', undefined],
  ['ENOENT', 'getattr', '/none', undefined],
  ['ENOENT', 'readdir', '/none', undefined],
  ['ENOTDIR', 'readdir', '/a.txt', undefined],
  ['ENOENT', 'get', '/none', undefined],
  ['EISDIR', 'get', '/d', undefined],
  ['EISDIR', 'put', '/d', { format: 'base64', data: '' }],
  ['EISDIR', 'put', '/', { format: 'base64', data: '' }],
  ['ENOENT', 'put', '/none/x', { format: 'base64', data: '' }],
  ['ENOENT', 'rename', '/none', { newPath: '/x' }],
  ['ENOTEMPTY', 'rename', '/d/e', { newPath: '/d' }],
  ['EISDIR', 'rename', '/a.txt', { newPath: '/d' }],
  ['ENOTDIR', 'rename', '/d', { newPath: '/a.txt' }],
  ['EINVAL', 'rename', '/d', { newPath: '/d/e/x' }],
  ['EINVAL', 'get', '/../x', undefined],
  ['EINVAL', 'dance' as DriveMethod, '/', undefined],
];
for (const [code, method, path, data] of refusals) {
  test(`${method} ${path} ${JSON.stringify(data ?? '')} is refused with ${code}, and nothing changes`, async () => {
    await fill();
    await assert.rejects(ask(method, path, data), refuses(code));
    assert.equal(text(await contents.read('a.txt')), 'größe');
    assert.deepEqual(await ask('readdir', '/d'), ['b', 'e']);
  });
}

test('a file is replaced by a rename, an empty folder by a folder; what is inside goes along', async () => {
  await fill();
  await ask('rename', '/a.txt', { newPath: '/d/b' });
  assert.equal(text(await contents.read('d/b')), 'größe');
  await ask('rename', '/d', { newPath: '/moved % dir' });
  await contents.makeFolder('empty');
  await ask('rename', '/moved % dir', { newPath: '/empty' });
  assert.deepEqual(await ask('readdir', '/'), ['empty']);
  assert.deepEqual(await ask('readdir', '/empty'), ['b', 'e']);
  assert.equal(text(await contents.read('empty/b')), 'größe');
});

test('names that are like others are other names', async () => {
  for (const name of ['d', 'd0', 'd-', 'd%2F', 'D', 'd ']) {
    await contents.makeFolder(name);
    await contents.write(`${name}/f`, utf8(name));
  }
  await contents.delete('d');
  assert.deepEqual(await ask('readdir', '/'), ['D', 'd ', 'd%2F', 'd-', 'd0']);
  assert.equal(text(await contents.read('d0/f')), 'd0');
});

test('a folder’s time changes with its names only', async () => {
  const time = async (path: string) => (await contents.get(path)).last_modified;
  await contents.makeFolder('d');
  const before = [await time('d'), await time('')];
  await new Promise(resolve => setTimeout(resolve, 3));
  await contents.write('d/f', utf8('1'));
  const made = [await time('d'), await time('')];
  assert.notEqual(made[0], before[0]);
  assert.equal(made[1], before[1]);
  await new Promise(resolve => setTimeout(resolve, 3));
  await contents.write('d/f', utf8('2'));
  assert.equal(await time('d'), made[0]);
  await contents.delete('d/f');
  assert.notEqual(await time('d'), made[0]);
});

test('storages of other names are others, of the same name the same', async () => {
  await contents.write('f', utf8('default'));
  const [other, same] = [await BrowserContents.open('other'), await BrowserContents.open('')];
  assert.deepEqual(await ask('readdir', '/', undefined, other), []);
  assert.equal(text(await same.read('f')), 'default');
});

test('contents that were replaced or removed leave nothing behind', async () => {
  await contents.write('f', new Uint8Array(1000));
  await contents.write('f', new Uint8Array(0));
  await contents.write('g', utf8('g'));
  await contents.write('g', utf8('again'));
  await contents.delete('g');
  const db = (contents as unknown as { db: { count(store: string): Promise<number> } }).db;
  assert.equal(await db.count('bodies'), 0);
  assert.equal((await contents.get('f', { content: true })).content, '');
});

test('a browser that refuses storage is a failure with its reason', async () => {
  Object.assign(globalThis, {
    indexedDB: {
      open: () => {
        throw new Error('The operation is insecure.');
      },
    },
  });
  await assert.rejects(BrowserContents.open(), (error: any) => {
    assert.equal(error.failure.name, 'DriveFailed');
    assert.match(error.message, /refuses to store files for this page: Error: The operation is insecure/);
    assert.match(error.failure.hint, /private window/);
    return true;
  });
});

test('a manager that knows neither folders by name nor replacing renames is led there', async () => {
  await fill();
  const done: string[] = [];
  const plain: ContentsManager = {
    get: (path, options) => contents.get(path, options),
    save: (path, options) => contents.save(path, options),
    delete: path => (done.push(`delete ${path}`), contents.delete(path)),
    rename: (path, newPath) => (done.push(`rename ${path} ${newPath}`), contents.rename(path, newPath)),
    newUntitled: options => (done.push(`new in "${options.path}"`), contents.newUntitled(options)),
  };
  await ask('mknod', '/d/made', { mode: DIR }, plain);
  await ask('rename', '/a.txt', { newPath: '/d/b' }, plain);
  assert.deepEqual(done, ['new in "/d"', 'rename d/Untitled Folder /d/made', 'delete /d/b', 'rename /a.txt /d/b']);
  assert.deepEqual(await ask('readdir', '/d'), ['b', 'e', 'made']);
});

test('texts and notebooks of a manager come as they are', async () => {
  const model = (format: string, content: unknown) =>
    ({ get: async () => ({ name: 'f', path: 'f', type: 'file', format, content }) }) as unknown as ContentsManager;
  assert.deepEqual(await ask('get', '/f', undefined, model('text', 'größe')), { content: 'größe', format: 'text' });
  const notebook = await ask('get', '/f', undefined, model('json', { cells: [] }));
  assert.deepEqual(notebook, { content: '{"cells":[]}', format: 'json' });
  await ask('put', '/t', { format: 'text', data: 'größe' });
  assert.equal((await contents.get('t', { content: true })).content, toBase64(utf8('größe')));
});

test('errors of managers get their names', () => {
  const status = (status: number) => Object.assign(new Error('x'), { response: { status } });
  const quota = Object.assign(new Error('x'), { name: 'QuotaExceededError' });
  const missing = new Error('Could not find file');
  const found = [status(404), status(403), status(409), status(413), quota, missing, 'odd', null];
  assert.deepEqual(
    found.map(error => asDriveError(error).code),
    ['ENOENT', 'EACCES', 'EEXIST', 'ENOSPC', 'ENOSPC', 'ENOENT', 'EIO', 'EIO']
  );
});
