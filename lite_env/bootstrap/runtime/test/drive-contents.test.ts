/** The page's side of a drive: requests answered from contents managers, and the browser's own storage. */
import assert from 'node:assert/strict';
import { beforeEach, test, type TestContext } from 'node:test';
import { DriveContentsProcessor } from '@jupyterlite/services/lib/contents/drivecontents';
import 'fake-indexeddb/auto';
import { IDBFactory } from 'fake-indexeddb';
import { toBase64 } from '../src/base64';
import { DriveError, type DriveMethod } from '../src/drive/channel';
import { DriveDesk } from '../src/drive/desk';
import { PIECE_BYTES } from '../src/drive/limits';
import type { ContentsManager, ContentsModel } from '../src/embed/api';
import { BrowserContents } from '../src/embed/browser-contents';
import { answerDrive, asDriveError } from '../src/embed/processor';
import { openDatabase } from '../src/embed/storage';
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
  assert.deepEqual({ ...(own as object), stat: undefined }, { ...their, stat: undefined, mode: DIR, pieces: PIECE_BYTES });
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
    rename: (path, newPath) => (done.push(`rename ${path} ${newPath}`), plainRename(contents, path, newPath)),
    newUntitled: options => (done.push(`new in "${options.path}"`), contents.newUntitled(options)),
  };
  await ask('mknod', '/d/made', { mode: DIR }, plain);
  await ask('rename', '/a.txt', { newPath: '/d/b' }, plain);
  assert.deepEqual(
    done.map(step => step.replace(/-[0-9a-f]{8}$/, '-')),
    [
      'new in "/d"',
      'rename d/Untitled Folder /d/made',
      'rename /d/b /d/b.replaced-',
      'rename /a.txt /d/b',
      'delete /d/b.replaced-',
    ]
  );
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
  const tooLong = [new RangeError('Array buffer allocation failed'), new TypeError('Invalid string length')];
  const found = [status(404), status(403), status(409), status(413), quota, missing, ...tooLong, 'odd', null];
  assert.deepEqual(
    found.map(error => asDriveError(error).code),
    ['ENOENT', 'EACCES', 'EEXIST', 'EFBIG', 'ENOSPC', 'ENOENT', 'EFBIG', 'EFBIG', 'EIO', 'EIO']
  );
});

/** As contents managers do it: a name that is taken is refused. */
async function plainRename(manager: BrowserContents, path: string, newPath: string): Promise<ContentsModel> {
  await manager.get(newPath).then(
    () => Promise.reject(Object.assign(new Error('taken'), { response: { status: 409 } })),
    () => undefined
  );
  return manager.rename(path, newPath);
}

/** A manager of the contents API and no more, whose renames may fail. */
function plainManager(fails: (path: string, newPath: string) => boolean, left: string[] = []): ContentsManager {
  return {
    get: (path, options) => contents.get(path, options),
    save: (path, options) => contents.save(path, options),
    delete: path => (left.includes('delete') ? Promise.reject(new Error('no')) : contents.delete(path)),
    rename: (path, newPath) =>
      fails(path, newPath) ? Promise.reject(new Error('the disk failed')) : plainRename(contents, path, newPath),
    newUntitled: options => contents.newUntitled(options),
  };
}

test('a rename that fails leaves the file that it would have replaced', async () => {
  await fill();
  const failing = plainManager((path, newPath) => path === '/a.txt' && newPath === '/d/b');
  await assert.rejects(ask('rename', '/a.txt', { newPath: '/d/b' }, failing), refuses('EIO'));
  assert.deepEqual([...(await contents.read('d/b'))], [0, 255, 10]);
  assert.equal(text(await contents.read('a.txt')), 'größe');
  assert.deepEqual(await ask('readdir', '/d'), ['b', 'e']);
});

test('where it cannot be put back either, the error says where it is', async () => {
  await fill();
  let count = 0;
  const failing = plainManager(() => (count += 1) > 1);
  const failed = await ask('rename', '/a.txt', { newPath: '/d/b' }, failing).catch((error: Error) => error.message);
  const [aside = ''] = (await ask('readdir', '/d')) as string[];
  assert.equal(failed, `"/d/b" could not be replaced, and is now "/d/${aside}": the disk failed`);
  assert.deepEqual([...(await contents.read(`d/${aside}`))], [0, 255, 10]);
});

test('a rename that is done is no failure for what cannot be removed after it', async () => {
  await fill();
  await ask('rename', '/a.txt', { newPath: '/d/b' }, plainManager(() => false, ['delete']));
  assert.equal(text(await contents.read('d/b')), 'größe');
});

test('a folder whose name cannot be given is not left under another one', async () => {
  await fill();
  await assert.rejects(ask('mknod', '/d/new', { mode: DIR }, plainManager(() => true)), refuses('EIO'));
  assert.deepEqual(await ask('readdir', '/d'), ['b', 'e']);
});

/** Two requests at once, and what each gave. */
async function both(...asked: Promise<unknown>[]): Promise<unknown[]> {
  return (await Promise.allSettled(asked)).map(one => (one.status === 'fulfilled' ? one.value : (one.reason as Error).name));
}

test('of two who make one file at once exactly one has made it', async () => {
  const other = await BrowserContents.open();
  const make = (manager: ContentsManager, more: object) => ask('mknod', '/f', { mode: FILE, ...more }, manager);
  const exclusive = await both(make(contents, {}), make(other, { exclusive: true }));
  assert.deepEqual(exclusive, [null, 'EEXIST']);
  await contents.delete('f');
  const lenient = await both(make(contents, { exclusive: false }), make(other, { exclusive: false }));
  assert.deepEqual(lenient, [null, { made: false }]);
  assert.deepEqual(await both(ask('mknod', '/d', { mode: DIR }), ask('mknod', '/d', { mode: DIR }, other)), [null, 'EEXIST']);
  await assert.rejects(ask('mknod', '/d', { mode: FILE, exclusive: false }), refuses('EEXIST'));
});

test('a folder into which somebody writes at the same time is not removed with it', async () => {
  const other = await BrowserContents.open();
  for (let round = 0; round < 20; round += 1) {
    await contents.makeFolder('d');
    const [removed, written] = await both(ask('rmdir', '/d'), other.write('d/f', utf8('kept')));
    const isThere = await contents.read('d/f').then(text, () => null);
    // Either it was empty and is gone, or it was not and is there: never both done.
    assert.deepEqual([removed, written === 'ENOENT', isThere], removed === null ? [null, true, null] : ['ENOTEMPTY', false, 'kept']);
    await contents.delete('d').catch(() => undefined);
  }
});

const large = Uint8Array.from({ length: 2 * PIECE_BYTES + 5 }, (_, at) => (at * 7919) >> 3);

const isSame = (one: Uint8Array, other: Uint8Array) => Buffer.compare(one, other) === 0;

/** As a worker does it. */
async function upload(path: string, data: Uint8Array, id: string, count = Infinity): Promise<void> {
  for (let offset = 0, at = 0; offset < data.length && at < count; offset += PIECE_BYTES, at += 1) {
    const piece = { upload: id, offset, size: data.length };
    await ask('put', path, { format: 'base64', data: toBase64(data.slice(offset, offset + PIECE_BYTES)), piece });
  }
}

async function download(path: string, length: number): Promise<{ bytes: Uint8Array; said: Set<string> }> {
  const pieces: Buffer[] = [];
  const said = new Set<string>();
  for (;;) {
    const offset = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const answer = (await ask('get', path, { offset, length })) as { content: string; size: number; version: string };
    said.add(`${answer.size} ${answer.version}`);
    const piece = Buffer.from(answer.content, 'base64');
    if (piece.length === 0) {
      return { bytes: new Uint8Array(Buffer.concat(pieces)), said };
    }
    pieces.push(piece);
  }
}

test('a large file comes and goes in pieces, and is there with the last one', async () => {
  await contents.write('f', utf8('before'));
  await upload('/f', large, 'one', 2);
  assert.equal(text(await contents.read('f')), 'before');
  await upload('/f', large, 'two');
  assert.ok(isSame(await contents.read('f'), large));
  assert.equal((await contents.get('f')).size, large.length);
  const { bytes, said } = await download('/f', 3 << 20);
  assert.ok(isSame(bytes, large));
  assert.equal(said.size, 1);
  await contents.write('f', large.slice(1));
  const later = await download('/f', PIECE_BYTES);
  assert.ok(isSame(later.bytes, large.slice(1)));
  assert.notDeepEqual(later.said, said);
  await contents.rename('f', 'g');
  assert.ok(isSame(await contents.read('g'), large.slice(1)));
});

test('pieces that do not belong together are refused, and change nothing', async () => {
  await contents.write('f', utf8('before'));
  await upload('/f', large, 'one', 1);
  const put = (offset: number, size: number, upload = 'one') =>
    ask('put', '/f', { format: 'base64', data: 'AAAA', piece: { upload, offset, size } });
  await assert.rejects(put(PIECE_BYTES + 1, large.length), refuses('EINVAL'));
  await assert.rejects(put(PIECE_BYTES, large.length), refuses('EINVAL'));
  await assert.rejects(put(3, 6, 'unknown'), refuses('EINVAL'));
  await assert.rejects(put(0, 2), refuses('EINVAL'));
  assert.equal(text(await contents.read('f')), 'before');
});

/** How many uploads and bodies a storage holds, as whoever opens it next finds it. */
async function left(name = ''): Promise<number[]> {
  const opened = await BrowserContents.open(name);
  const { db } = opened as unknown as { db: { count(store: string): Promise<number> } };
  const counts = [await db.count('uploads'), await db.count('bodies')];
  opened.close();
  return counts;
}

/** The browser has room for so many more bodies, until the test ends or the returned function is called. */
function room(t: TestContext, count: number): () => void {
  const add = IDBObjectStore.prototype.add;
  let rest = count;
  IDBObjectStore.prototype.add = function (...given) {
    if ((rest -= 1) < 0) {
      throw Object.assign(new Error('full'), { name: 'QuotaExceededError' });
    }
    return add.apply(this, given);
  };
  const restore = () => void (IDBObjectStore.prototype.add = add);
  t.after(restore);
  return restore;
}

test('what was uploaded and never ended goes after an hour', async t => {
  await upload('/f', large, 'one', 1);
  assert.deepEqual(await left(), [1, 1]);
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 61 * 60 * 1000 });
  assert.deepEqual(await left(), [0, 0]);
});

test('an upload that goes on while another page looks for what is left over loses nothing', async t => {
  await upload('/f', large, 'one', 1);
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 61 * 60 * 1000 });
  const put = (offset: number) => {
    const data = toBase64(large.slice(offset, offset + PIECE_BYTES));
    return ask('put', '/f', { format: 'base64', data, piece: { upload: 'one', offset, size: large.length } });
  };
  const getAll = IDBObjectStore.prototype.getAll;
  t.after(() => (IDBObjectStore.prototype.getAll = getAll));
  const added: Promise<unknown>[] = [];
  IDBObjectStore.prototype.getAll = function (...given) {
    const request = getAll.apply(this, given);
    request.addEventListener('success', () => void added.push(put(PIECE_BYTES)));
    return request;
  };
  await left();
  assert.equal(added.length, 1);
  await Promise.all(added);
  await put(2 * PIECE_BYTES);
  assert.ok(isSame(await contents.read('f'), large));
});

test('of a large file that does not fit nothing stays, and what does fit can be written', async t => {
  const end = room(t, 1);
  await assert.rejects(upload('/f', large, 'one'), refuses('ENOSPC'));
  assert.deepEqual(await left(), [0, 0]);
  end();
  await upload('/f', large, 'two');
  assert.ok(isSame(await contents.read('f'), large));
  // Nor of one that is refused for another reason.
  await contents.makeFolder('d');
  await assert.rejects(upload('/d', large, 'three'), refuses('EISDIR'));
  const before = await left();
  await upload('/g', large, 'four', 2);
  await contents.makeFolder('g');
  await assert.rejects(ask('put', '/g', { format: 'base64', data: 'AAAA', piece: { upload: 'four', offset: 2 * PIECE_BYTES, size: large.length } }), refuses('EISDIR'));
  assert.deepEqual(await left(), before);
});

test('of a large file whose kernel ends nothing stays, nor of one that was given up', async () => {
  const drop = (id: string) => contents.dropUpload(id);
  const desk = new DriveDesk(request => answerDrive(contents, request), { drop });
  let id = 0;
  const begin = (epoch: string, name: string, offset = 0) => {
    const data = toBase64(large.slice(offset, offset + PIECE_BYTES));
    const piece = { upload: name, offset, size: large.length };
    const request = { method: 'put', path: '/f', data: { format: 'base64', data, piece } } as const;
    return desk.take({ epoch, id: (id += 1), deadline: Date.now() + 60_000 }, request);
  };
  await begin('old', 'given up');
  await begin('old', 'ended');
  assert.equal(await begin('old', 'ended', PIECE_BYTES), 'null');
  assert.deepEqual(await left(), [1, 2]);
  assert.equal(await begin('new', 'of the new kernel'), 'null');
  assert.deepEqual(await left(), [1, 1]);
  // What comes late of the kernel before ends nothing of this one.
  assert.equal(await begin('old', 'late'), null);
  assert.equal(await begin('new', 'of the new kernel', PIECE_BYTES), 'null');
  const under = begin('new', 'under way');
  await desk.retire();
  assert.equal(await under, null);
  assert.deepEqual(await left(), [0, 0]);
  assert.equal(await begin('newest', 'begun'), 'null');
  await desk.retire();
  assert.deepEqual(await left(), [0, 0]);
  assert.deepEqual(await left(), [0, 0]);
});

test('contents that the browser has lost are EIO and no empty file', async () => {
  await contents.write('f', utf8('precious'));
  const { db } = contents as unknown as { db: { clear(store: string): Promise<void> } };
  await db.clear('bodies');
  await assert.rejects(ask('get', '/f'), refuses('EIO'));
  await assert.rejects(ask('get', '/f', { offset: 0, length: 8 }), refuses('EIO'));
});

test('what another page writes between a look at a file and its contents is seen wholly or not at all', async t => {
  await contents.write('f', utf8('before'));
  await contents.makeFolder('d');
  await contents.write('d/f', utf8('x'));
  const other = await BrowserContents.open();
  const get = IDBObjectStore.prototype.get;
  t.after(() => (IDBObjectStore.prototype.get = get));
  let between: (() => Promise<unknown>) | null = null;
  IDBObjectStore.prototype.get = function (...given) {
    const request = get.apply(this, given);
    const [run, isEntry] = [between, this.name === 'entries'];
    if (run && isEntry) {
      between = null;
      request.addEventListener('success', () => void run());
    }
    return request;
  };
  between = () => other.write('f', utf8('much longer'));
  const { size, content } = await contents.get('f', { content: true });
  assert.equal(Buffer.from(String(content), 'base64').length, size);
  between = () => other.delete('d');
  assert.equal(((await contents.get('d', { content: true })).content as ContentsModel[]).length, 1);
  other.close();
});

test('a storage of version 1 goes on as it is', async () => {
  contents.close();
  const request = indexedDB.open('lite-env drive old', 1);
  request.onupgradeneeded = () => {
    request.result.createObjectStore('entries', { keyPath: 'path' }).createIndex('parent', 'parent');
    request.result.createObjectStore('bodies', { autoIncrement: true }).put(utf8('old'), 7);
    const times = { created: '2026-01-01T00:00:00.000Z', modified: '2026-01-01T00:00:00.000Z' };
    request.transaction?.objectStore('entries').put({ path: 'f', parent: '', type: 'file', size: 3, body: 7, ...times });
  };
  await new Promise(resolve => (request.onsuccess = resolve));
  request.result.close();
  const old = await BrowserContents.open('old');
  assert.equal(text(await old.read('f')), 'old');
  assert.deepEqual((await old.readPiece('f', 1, 1)).data, utf8('l'));
  await old.write('f', utf8('new'));
  assert.equal(text(await old.read('f')), 'new');
});

test('a storage takes the files of another one over, once', async () => {
  await fill();
  await contents.write('large', large);
  const opened = async (name: string) => BrowserContents.open(name, { takesOver: '' });
  const one = await opened('/a/');
  assert.deepEqual(await ask('readdir', '/', undefined, one), ['a.txt', 'd', 'large']);
  assert.ok(isSame(await one.read('large'), large));
  assert.deepEqual([...(await one.read('d/b'))], [0, 255, 10]);
  // What it removes and writes stays so, and is nobody else's.
  await one.delete('a.txt');
  await one.write('d/b', utf8('of a'));
  const again = await opened('/a/');
  assert.deepEqual(await ask('readdir', '/', undefined, again), ['d', 'large']);
  const two = await opened('/b/');
  assert.deepEqual(await ask('readdir', '/', undefined, two), ['a.txt', 'd', 'large']);
  assert.deepEqual([...(await two.read('d/b'))], [0, 255, 10]);
  assert.equal(text(await contents.read('a.txt')), 'größe');
});

test('two tabs that take over at once leave each file once, and nothing besides', async () => {
  await fill();
  const tabs = await Promise.all([1, 2, 3].map(() => BrowserContents.open('/a/', { takesOver: '' })));
  const { db } = tabs[0] as unknown as { db: { count(store: string): Promise<number> } };
  assert.deepEqual([await db.count('bodies'), await db.count('uploads')], [2, 0]);
  assert.equal(text(await (tabs[1] as BrowserContents).read('a.txt')), 'größe');
});

test('where there is nothing to take over, nothing is made', async () => {
  Object.assign(globalThis, { indexedDB: new IDBFactory() });
  const opened = await BrowserContents.open('/a/', { takesOver: '' });
  assert.deepEqual(await ask('readdir', '/', undefined, opened), []);
  assert.deepEqual((await indexedDB.databases()).map(({ name }) => name), ['lite-env drive /a/']);
});

/** Another tab does `write` whenever a take-over has read the names of the old storage. */
function writeMeanwhile(t: TestContext, write: (round: number) => Promise<unknown>): void {
  const getAll = IDBObjectStore.prototype.getAll;
  t.after(() => (IDBObjectStore.prototype.getAll = getAll));
  let round = 0;
  IDBObjectStore.prototype.getAll = function (...given) {
    const request = getAll.apply(this, given);
    if (this.name === 'entries') {
      request.addEventListener('success', () => void write((round += 1)));
    }
    return request;
  };
}

test('a take-over copies each file wholly, whatever another tab writes meanwhile', async t => {
  await fill();
  await contents.write('large', large);
  writeMeanwhile(t, async round => {
    if (round === 1) {
      await contents.write('a.txt', utf8('newer'));
      await contents.rename('d', 'moved');
      await contents.delete('large');
    }
  });
  const opened = await BrowserContents.open('/a/', { takesOver: '' });
  assert.deepEqual(await ask('readdir', '/', undefined, opened), ['a.txt', 'moved']);
  assert.equal(text(await opened.read('a.txt')), 'newer');
  assert.deepEqual([...(await opened.read('moved/b'))], [0, 255, 10]);
  assert.deepEqual(await left('/a/'), [0, 2]);
});

test('a take-over of files that never rest fails with their name, leaves nothing, and is done the next time', async t => {
  await contents.write('f', utf8('0'));
  await contents.write('small', utf8('x'));
  let resting = false;
  writeMeanwhile(t, async round => resting || contents.write('f', utf8(`${round}`)));
  const opening = BrowserContents.open('/a/', { takesOver: '' });
  await assert.rejects(opening, /the files of before could not be copied: .*"f".* change all the time/);
  resting = true;
  assert.deepEqual(await left('/a/'), [0, 0]);
  const opened = await BrowserContents.open('/a/', { takesOver: '' });
  assert.equal(text(await opened.read('f')), text(await contents.read('f')));
});

test('a file of another length than its entry says is not taken over for whole', async () => {
  await contents.write('f', utf8('precious'));
  const { db } = contents as unknown as { db: { put(store: string, value: unknown, key: number): Promise<void> } };
  await db.put('bodies', utf8('pre'), 1);
  await assert.rejects(BrowserContents.open('/a/', { takesOver: '' }), /"f" has 3 bytes in place of 8/);
});

test('a take-over that fails is told, leaves nothing, and is done the next time', async t => {
  await fill();
  const end = room(t, 1);
  await assert.rejects(BrowserContents.open('/a/', { takesOver: '' }), /the files of before could not be copied: .*full/);
  end();
  assert.deepEqual(await left('/a/'), [0, 0]);
  const opened = await BrowserContents.open('/a/', { takesOver: '' });
  assert.equal(text(await opened.read('a.txt')), 'größe');
});

test('a storage that another tab holds and does not close is not waited for without end', async () => {
  const held = await new Promise<IDBDatabase>((resolve, reject) => {
    const request = indexedDB.open('lite-env drive held', 1);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  await assert.rejects(openDatabase('held', 30), /did not open within 0\.03 seconds; another tab/);
  held.close();
  // What opens late is closed again, so that it hinders nobody.
  await new Promise<void>((resolve, reject) => {
    const removing = indexedDB.deleteDatabase('lite-env drive held');
    removing.onsuccess = () => resolve();
    removing.onblocked = () => reject(new Error('it is open'));
  });
});
