/** Files in IndexedDB as they lie there: names and sizes apart from contents, so that a listing reads no file. */
import { openDB, type DBSchema, type IDBPDatabase, type IDBPObjectStore, type IDBPTransaction } from 'idb';
import { DriveError } from '../drive/channel';
import { PIECE_BYTES } from '../drive/limits';
import { soon } from '../soon';

export interface Entry {
  readonly path: string;
  /** Path of the folder; the root is the empty text, and has an entry only once something was made in it. */
  readonly parent: string;
  readonly type: 'file' | 'directory';
  readonly size: number;
  readonly created: string;
  readonly modified: string;
  /** Key of the contents; of folders and empty files none. */
  readonly body: number | null;
  /** Of contents that lie in several parts: their keys in order, and the bytes of each but the last. */
  readonly parts?: { readonly keys: readonly number[]; readonly size: number };
}

/** Parts of a file that is not there yet. */
export interface Upload {
  readonly id: string;
  readonly keys: readonly number[];
  readonly partSize: number;
  /** Bytes so far. */
  readonly size: number;
  /** When the last part came, as `Date.now` counts. */
  readonly time: number;
}

export interface Schema extends DBSchema {
  entries: { key: string; value: Entry; indexes: { parent: string } };
  bodies: { key: number; value: Uint8Array };
  uploads: { key: string; value: Upload };
  facts: { key: 'takenOver'; value: string };
}

export type Database = IDBPDatabase<Schema>;
export type Stores = ('entries' | 'bodies' | 'uploads' | 'facts')[];
type Store<Name extends Stores[number]> = IDBPObjectStore<Schema, Stores, Name, 'readwrite'>;

/** What one change may touch. */
export interface Change {
  readonly entries: Store<'entries'>;
  readonly bodies: Store<'bodies'>;
  readonly uploads: Store<'uploads'>;
  readonly facts: Store<'facts'>;
}

export const PREFIX = 'lite-env drive';
const VERSION = 2;
const OPEN_MS = 20_000;
/** A page that is gone goes on with no upload; one that is there drops its own, and adds to it every few minutes. */
const UPLOAD_MS = 60 * 60 * 1000;

export function databaseName(name: string): string {
  return name ? `${PREFIX} ${name}` : PREFIX;
}

/**
 * What an opening gives: browsers let one wait without end for another tab.
 *
 * @throws Error when it takes longer than `ms` milliseconds.
 */
export function opened(opening: Promise<Database>, ms = OPEN_MS): Promise<Database> {
  return soon(opening, ms, () => {
    opening.then(late => late.close()).catch(() => undefined); // Told already.
    throw new Error(`its storage did not open within ${ms / 1000} seconds; another tab of this site may hold it`);
  });
}

/** @throws Error when it takes longer than `ms` milliseconds. */
export async function openDatabase(name: string, ms = OPEN_MS): Promise<Database> {
  const opening = openDB<Schema>(databaseName(name), VERSION, {
    upgrade(database, before) {
      if (before < 1) {
        database.createObjectStore('entries', { keyPath: 'path' }).createIndex('parent', 'parent');
        database.createObjectStore('bodies', { autoIncrement: true });
      }
      // Since version 2 contents may lie in parts, which a page of before would take for an empty file.
      database.createObjectStore('uploads', { keyPath: 'id' });
      database.createObjectStore('facts');
    },
    // A later version in another tab waits for this one.
    blocking: (_current, _blocked, event) => (event.target as unknown as IDBDatabase).close(),
  });
  const db = await opened(opening, ms);
  for (const { id } of (await db.getAll('uploads')).filter(isLeft)) {
    await dropUpload(db, id, isLeft);
  }
  return db;
}

function isLeft({ time }: Upload): boolean {
  return time < Date.now() - UPLOAD_MS;
}

/** Remove what has come of an upload, if it has not become a file and `where` still holds. */
export async function dropUpload(db: Database, id: string, where: (upload: Upload) => boolean = () => true): Promise<void> {
  await change(db, async ({ bodies, uploads }) => {
    const upload = await uploads.get(id);
    if (upload && where(upload)) {
      await uploads.delete(id);
      await Promise.all(upload.keys.map(key => bodies.delete(key)));
    }
  });
}

/** Do `run` as one transaction; it may wait for nothing but the transaction's own requests. */
export async function change<T>(db: Database, run: (stores: Change) => Promise<T>): Promise<T> {
  const transaction = db.transaction(['entries', 'bodies', 'uploads', 'facts'] as Stores, 'readwrite');
  // Whatever fails first is what is told; the transaction's own end is told by it, too.
  transaction.done.catch(() => undefined);
  try {
    const result = await run({
      entries: transaction.objectStore('entries'),
      bodies: transaction.objectStore('bodies'),
      uploads: transaction.objectStore('uploads'),
      facts: transaction.objectStore('facts'),
    });
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

/** Keys of an entry's contents, in order. */
export function keysOf({ body, parts }: Pick<Entry, 'body' | 'parts'>): readonly number[] {
  return parts?.keys ?? (body === null ? [] : [body]);
}

/** How contents of these keys stand in an entry. */
export function bodyOf(keys: readonly number[], partSize: number): Pick<Entry, 'body' | 'parts'> {
  return { body: keys[0] ?? null, ...(keys.length > 1 && { parts: { keys, size: partSize } }) };
}

/** Reads a part of an entry's contents, in the transaction in which the entry was read. */
export type ReadPart = (entry: Entry, key: number) => Promise<Uint8Array>;

export function partsIn(transaction: IDBPTransaction<Schema, ('entries' | 'bodies')[]>): ReadPart {
  return async ({ path }, key) => {
    const data = await transaction.objectStore('bodies').get(key);
    if (!data) {
      throw new DriveError('EIO', `the browser has lost the contents of "${path}"`);
    }
    return data;
  };
}

export async function wholeOf(entry: Entry, part: ReadPart): Promise<Uint8Array> {
  const [only, ...more] = await Promise.all(keysOf(entry).map(key => part(entry, key)));
  if (!only || more.length === 0) {
    return only ?? new Uint8Array(0);
  }
  const whole = new Uint8Array(entry.size);
  [only, ...more].forEach((data, at) => whole.set(data, at * (entry.parts?.size ?? 0)));
  return whole;
}

/** Remove entries and their contents. */
export async function removeAll({ entries, bodies }: Change, removed: readonly Entry[]): Promise<void> {
  await Promise.all(
    removed.map(async entry => {
      await entries.delete(entry.path);
      await Promise.all(keysOf(entry).map(key => bodies.delete(key)));
    })
  );
}

/** Contents in the pieces in which they are kept; none of an empty file. */
export function split(data: Uint8Array): Uint8Array[] {
  if (data.length > 0 && data.length <= PIECE_BYTES && data.length === data.buffer.byteLength) {
    return [data];
  }
  // Of a view the browser would keep all the memory behind it.
  return Array.from({ length: Math.ceil(data.length / PIECE_BYTES) }, (_, at) =>
    data.slice(at * PIECE_BYTES, (at + 1) * PIECE_BYTES)
  );
}

export function newEntry(path: string, type: Entry['type']): Entry {
  const now = new Date().toISOString();
  return { path, parent: parentOf(path), type, size: 0, created: now, modified: now, body: null };
}

export function rootAt(key: string): Entry | undefined {
  const epoch = new Date(0).toISOString();
  const root: Entry = { path: '', parent: '', type: 'directory', size: 0, created: epoch, modified: epoch, body: null };
  return key === '' ? root : undefined;
}

export function found(key: string, entry: Entry | undefined): Entry {
  if (!entry) {
    throw new DriveError('ENOENT', `"${key}" does not exist`);
  }
  return entry;
}

/** The root's own entry has itself as parent. */
export function isBelowRoot({ path }: Entry): boolean {
  return path !== '';
}

/** All keys below a folder: `0` is what follows `/`. */
export function below(path: string): IDBKeyRange {
  return IDBKeyRange.bound(`${path}/`, `${path}0`, false, true);
}

export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

/** The key of a path; names that no file system has are refused. */
export function normalize(path: string): string {
  const parts = path.split('/').filter(part => part !== '' && part !== '.');
  if (parts.includes('..') || path.includes('\0')) {
    throw new DriveError('EINVAL', `"${path}" is no path in the drive`);
  }
  return parts.join('/');
}
