import { openDB, type DBSchema, type IDBPDatabase, type IDBPObjectStore } from 'idb';
import { fromBase64, toBase64 } from '../base64';
import { DriveError } from '../drive/channel';
import { BootError, describe } from '../errors';
import type { ContentsManager, ContentsModel } from './api';

interface Entry {
  readonly path: string;
  /** Path of the folder; the root is the empty text, and has an entry only once something was made in it. */
  readonly parent: string;
  readonly type: 'file' | 'directory';
  readonly size: number;
  readonly created: string;
  readonly modified: string;
  /** Key of the contents; of folders and empty files none. */
  readonly body: number | null;
}

interface Schema extends DBSchema {
  entries: { key: string; value: Entry; indexes: { parent: string } };
  bodies: { key: number; value: Uint8Array };
}

type Stores = ('entries' | 'bodies')[];
type Entries = IDBPObjectStore<Schema, Stores, 'entries', 'readwrite'>;
type Bodies = IDBPObjectStore<Schema, Stores, 'bodies', 'readwrite'>;

const NEW_FOLDER = 'Untitled Folder';

/**
 * Files in the browser's own storage (IndexedDB), behind the Jupyter contents API.
 *
 * Names and sizes are apart from contents, so that a listing reads no file. Every change is one transaction: after a
 * crash or in another tab it has happened wholly or not at all.
 */
export class BrowserContents implements ContentsManager {
  private constructor(private readonly db: IDBPDatabase<Schema>) {}

  /** Open the storage of that name, which pages of the same origin share; it is made when it is not there. */
  static async open(name = ''): Promise<BrowserContents> {
    try {
      const db = await openDB<Schema>(`lite-env drive${name && ` ${name}`}`, 1, {
        upgrade(database) {
          database.createObjectStore('entries', { keyPath: 'path' }).createIndex('parent', 'parent');
          database.createObjectStore('bodies', { autoIncrement: true });
        },
        // A later version in another tab waits for this one.
        blocking: (_current, _blocked, event) => (event.target as unknown as IDBDatabase).close(),
      });
      return new BrowserContents(db);
    } catch (cause) {
      throw new BootError('DriveFailed', `the browser refuses to store files for this page: ${describe(cause)}`, {
        hint: 'allow this site to store data, or leave the private window; the kernel also starts without a drive',
        cause,
      });
    }
  }

  close(): void {
    this.db.close();
  }

  async get(path: string, options: { content?: boolean } = {}): Promise<ContentsModel> {
    const entry = await this.entry(normalize(path));
    if (options.content !== true) {
      return modelOf(entry);
    }
    if (entry.type === 'directory') {
      const children = await this.children(entry.path);
      return { ...modelOf(entry), format: 'json', content: children.map(modelOf) };
    }
    return { ...modelOf(entry), format: 'base64', content: toBase64(await this.body(entry)) };
  }

  /** Write a whole file, as the contents API says it: without content an empty one. */
  async save(path: string, options: { format?: string | null; content?: unknown }): Promise<ContentsModel> {
    const { format, content } = options;
    if (content === undefined || content === null || format === 'base64') {
      return this.write(path, fromBase64(String(content ?? '')));
    }
    return this.write(path, new TextEncoder().encode(typeof content === 'string' ? content : JSON.stringify(content)));
  }

  /** Contents of a file. */
  async read(path: string): Promise<Uint8Array> {
    const entry = await this.entry(normalize(path));
    if (entry.type === 'directory') {
      throw new DriveError('EISDIR', `"${path}" is a folder`);
    }
    return this.body(entry);
  }

  /** Write a whole file, new or not. */
  async write(path: string, data: Uint8Array): Promise<ContentsModel> {
    return this.change(async (entries, bodies) => {
      const key = normalize(path);
      await needFolder(entries, parentOf(key));
      const old = (await entries.get(key)) ?? rootAt(key);
      if (old?.type === 'directory') {
        throw new DriveError('EISDIR', `"${path}" is a folder`);
      }
      const { size, body } = await putBody(bodies, data, old?.body ?? null);
      const entry: Entry = { ...newEntry(key, 'file'), ...(old && { created: old.created }), size, body };
      await entries.put(entry);
      if (!old) {
        await touch(entries, entry.parent);
      }
      return modelOf(entry);
    });
  }

  /** Make a folder; the one above it must be there. */
  async makeFolder(path: string): Promise<ContentsModel> {
    return this.change(async entries => {
      const key = normalize(path);
      await needFolder(entries, parentOf(key));
      if (key === '' || (await entries.get(key))) {
        throw new DriveError('EEXIST', `"${path}" exists`);
      }
      const entry = newEntry(key, 'directory');
      await entries.put(entry);
      await touch(entries, entry.parent);
      return modelOf(entry);
    });
  }

  /** Remove a file, or a folder with all that is in it. */
  async delete(path: string): Promise<void> {
    await this.change(async (entries, bodies) => {
      const entry = await need(entries, normalize(path));
      if (entry.path === '') {
        throw new DriveError('EACCES', 'the root cannot be removed');
      }
      await remove(entries, bodies, [entry, ...(await entries.getAll(below(entry.path)))]);
      await touch(entries, entry.parent);
    });
  }

  /** Move a file or folder; a file that is there is replaced, an empty folder by a folder. */
  async rename(path: string, newPath: string): Promise<ContentsModel> {
    return this.change(async (entries, bodies) => {
      const [from, to] = [normalize(path), normalize(newPath)];
      const entry = await need(entries, from);
      if (from === to) {
        return modelOf(entry);
      }
      if (from === '' || to === '' || to.startsWith(`${from}/`)) {
        throw new DriveError('EINVAL', `"${path}" cannot be moved into itself`);
      }
      await needFolder(entries, parentOf(to));
      await replace(entries, bodies, entry, to);
      const moved = [entry, ...(await entries.getAll(below(from)))];
      await Promise.all(moved.map(({ path: old }) => entries.delete(old)));
      const renamed = moved.map(old => movedTo(old, to + old.path.slice(from.length)));
      await Promise.all(renamed.map(one => entries.put(one)));
      await touch(entries, entry.parent);
      await touch(entries, parentOf(to));
      return modelOf(movedTo(entry, to));
    });
  }

  async newUntitled(options: { path: string; type: 'directory' }): Promise<ContentsModel> {
    const folder = normalize(options.path);
    const taken = new Set((await this.children(folder)).map(({ path }) => path));
    let path = join(folder, NEW_FOLDER);
    for (let count = 1; taken.has(path); count += 1) {
      path = join(folder, `${NEW_FOLDER} ${count}`);
    }
    return this.makeFolder(path);
  }

  private async entry(key: string): Promise<Entry> {
    return found(key, (await this.db.get('entries', key)) ?? rootAt(key));
  }

  private async children(folder: string): Promise<Entry[]> {
    const entries = await this.db.getAllFromIndex('entries', 'parent', folder);
    return entries.filter(({ path }) => path !== '');
  }

  private async body({ body }: Entry): Promise<Uint8Array> {
    return (body === null ? undefined : await this.db.get('bodies', body)) ?? new Uint8Array(0);
  }

  private async change<T>(run: (entries: Entries, bodies: Bodies) => Promise<T>): Promise<T> {
    const transaction = this.db.transaction(['entries', 'bodies'] as Stores, 'readwrite');
    // Whatever fails first is what is told; the transaction's own end is told by it, too.
    transaction.done.catch(() => undefined);
    try {
      const result = await run(transaction.objectStore('entries'), transaction.objectStore('bodies'));
      await transaction.done;
      return result;
    } catch (error) {
      try {
        transaction.abort();
      } catch {
        // It has ended by itself.
      }
      throw error;
    }
  }
}

/** Make room for `entry` at `to`, as far as a file system would. */
async function replace(entries: Entries, bodies: Bodies, entry: Entry, to: string): Promise<void> {
  const target = await entries.get(to);
  if (!target) {
    return;
  }
  if (target.type !== entry.type) {
    throw new DriveError(target.type === 'directory' ? 'EISDIR' : 'ENOTDIR', `"${to}" is in the way`);
  }
  if ((await entries.count(below(to))) > 0) {
    throw new DriveError('ENOTEMPTY', `"${to}" is not empty`);
  }
  await remove(entries, bodies, [target]);
}

async function remove(entries: Entries, bodies: Bodies, removed: readonly Entry[]): Promise<void> {
  await Promise.all(
    removed.map(async ({ path, body }) => {
      await entries.delete(path);
      if (body !== null) {
        await bodies.delete(body);
      }
    })
  );
}

async function putBody(bodies: Bodies, data: Uint8Array, old: number | null): Promise<Pick<Entry, 'size' | 'body'>> {
  if (data.length === 0) {
    if (old !== null) {
      await bodies.delete(old);
    }
    return { size: 0, body: null };
  }
  const body = await (old === null ? bodies.add(data) : bodies.put(data, old));
  return { size: data.length, body };
}

async function need(entries: Entries, key: string): Promise<Entry> {
  return found(key, (await entries.get(key)) ?? rootAt(key));
}

/** A folder's own time changes with its names: Python's import system looks at nothing else. */
async function touch(entries: Entries, key: string): Promise<void> {
  const folder = await need(entries, key);
  await entries.put({ ...folder, modified: new Date().toISOString() });
}

async function needFolder(entries: Entries, key: string): Promise<void> {
  if ((await need(entries, key)).type !== 'directory') {
    throw new DriveError('ENOTDIR', `"${key}" is no folder`);
  }
}

function found(key: string, entry: Entry | undefined): Entry {
  if (!entry) {
    throw new DriveError('ENOENT', `"${key}" does not exist`);
  }
  return entry;
}

function rootAt(key: string): Entry | undefined {
  const epoch = new Date(0).toISOString();
  const root: Entry = { path: '', parent: '', type: 'directory', size: 0, created: epoch, modified: epoch, body: null };
  return key === '' ? root : undefined;
}

function newEntry(path: string, type: Entry['type']): Entry {
  const now = new Date().toISOString();
  return { path, parent: parentOf(path), type, size: 0, created: now, modified: now, body: null };
}

function movedTo(entry: Entry, path: string): Entry {
  return { ...entry, path, parent: parentOf(path) };
}

function modelOf({ path, type, size, created, modified }: Entry): ContentsModel {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return { name, path, type, size, created, last_modified: modified, format: null };
}

/** All keys below a folder: `0` is what follows `/`. */
function below(path: string): IDBKeyRange {
  return IDBKeyRange.bound(`${path}/`, `${path}0`, false, true);
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

function join(folder: string, name: string): string {
  return folder ? `${folder}/${name}` : name;
}

/** The key of a path; names that no file system has are refused. */
function normalize(path: string): string {
  const parts = path.split('/').filter(part => part !== '' && part !== '.');
  if (parts.includes('..') || path.includes('\0')) {
    throw new DriveError('EINVAL', `"${path}" is no path in the drive`);
  }
  return parts.join('/');
}
