import { fromBase64, toBase64 } from '../base64';
import { DriveError } from '../drive/channel';
import { PIECE_BYTES } from '../drive/limits';
import { BootError, describe } from '../errors';
import type { ContentsManager, ContentsModel, FilePiece, UploadPiece } from './api';
import {
  below,
  bodyOf,
  change,
  dropUpload,
  found,
  isBelowRoot,
  keysOf,
  newEntry,
  normalize,
  openDatabase,
  parentOf,
  partsIn,
  removeAll,
  rootAt,
  split,
  wholeOf,
  type Change,
  type Database,
  type Entry,
  type ReadPart,
} from './storage';
import { takeOver } from './take-over';

const EMPTY = new Uint8Array(0);
const NEW_FOLDER = 'Untitled Folder';

/**
 * Files in the browser's own storage (IndexedDB), behind the Jupyter contents API.
 *
 * Names and sizes are apart from contents, so that a listing reads no file. Every change is one transaction: after a
 * crash or in another tab it has happened wholly or not at all.
 */
export class BrowserContents implements ContentsManager {
  private constructor(private readonly db: Database) {}

  /**
   * Open the storage of that name, which pages of the same origin share; it is made when it is not there. The first
   * opening copies the files of the storage `takesOver`, which stays as it is.
   */
  static async open(
    name = '',
    { takesOver }: { readonly takesOver?: string | undefined } = {}
  ): Promise<BrowserContents> {
    let db: Database;
    try {
      db = await openDatabase(name);
    } catch (cause) {
      throw new BootError('DriveFailed', `the browser refuses to store files for this page: ${describe(cause)}`, {
        hint: 'allow this site to store data, or leave the private window; the kernel also starts without a drive',
        cause,
      });
    }
    if (takesOver !== undefined && takesOver !== name) {
      await takeOver(db, takesOver).catch((cause: unknown) => {
        db.close();
        throw new BootError('DriveFailed', `the files of before could not be copied: ${describe(cause)}`, {
          hint: 'give the browser room on the disk, and start again: nothing of them is lost',
          cause,
        });
      });
    }
    return new BrowserContents(db);
  }

  close(): void {
    this.db.close();
  }

  async get(path: string, options: { content?: boolean } = {}): Promise<ContentsModel> {
    const key = normalize(path);
    const transaction = this.db.transaction(options.content === true ? ['entries', 'bodies'] : ['entries']);
    const entries = transaction.objectStore('entries');
    const entry = found(key, (await entries.get(key)) ?? rootAt(key));
    if (options.content !== true) {
      return modelOf(entry);
    }
    if (entry.type === 'directory') {
      const children = await entries.index('parent').getAll(key);
      return { ...modelOf(entry), format: 'json', content: children.filter(isBelowRoot).map(modelOf) };
    }
    return { ...modelOf(entry), format: 'base64', content: toBase64(await wholeOf(entry, partsIn(transaction))) };
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
    return this.reading(path, wholeOf);
  }

  /** Write a whole file, new or not. */
  async write(path: string, data: Uint8Array): Promise<ContentsModel> {
    return this.change(async stores => {
      const keys: number[] = [];
      for (const piece of split(data)) {
        keys.push(await stores.bodies.add(piece));
      }
      return place(stores, path, { size: data.length, ...bodyOf(keys, PIECE_BYTES) });
    });
  }

  /** A piece of a file from `offset` on, of at most `length` bytes; none beyond the end. */
  async readPiece(path: string, offset: number, length: number): Promise<FilePiece> {
    return this.reading(path, async (entry, part) => {
      const keys = keysOf(entry);
      const partSize = entry.parts?.size ?? Math.max(1, entry.size);
      const key = keys[Math.floor(offset / partSize)];
      const start = offset % partSize;
      const data = key === undefined ? EMPTY : (await part(entry, key)).subarray(start, start + length);
      return { data, size: entry.size, version: `${keys[0] ?? ''} ${entry.modified}` };
    });
  }

  /** Add a piece to an upload; with the last one the file is there. */
  async writePiece(path: string, data: Uint8Array, piece: UploadPiece): Promise<void> {
    try {
      await this.addPiece(path, data, piece);
    } catch (error) {
      // Whoever tries again begins anew, and needs the room.
      await this.dropUpload(piece.upload).catch(() => undefined);
      throw error;
    }
  }

  /** Remove the pieces of an upload that nobody goes on with. */
  async dropUpload(upload: string): Promise<void> {
    await dropUpload(this.db, upload);
  }

  private async addPiece(path: string, data: Uint8Array, { upload, offset, size }: UploadPiece): Promise<void> {
    await this.change(async stores => {
      await refuseFolder(stores, normalize(path));
      const begun = offset === 0 ? null : await stores.uploads.get(upload);
      const before = begun ?? { keys: [], partSize: data.length, size: 0 };
      const end = offset + data.length;
      const isLast = end === size;
      if (before.size !== offset || end > size || (!isLast && data.length !== before.partSize)) {
        throw new DriveError('EINVAL', `a piece of "${path}" is missing, or is not its own`);
      }
      const keys = [...before.keys, ...(data.length > 0 ? [await stores.bodies.add(data)] : [])];
      if (isLast) {
        await stores.uploads.delete(upload);
        await place(stores, path, { size, ...bodyOf(keys, before.partSize) });
      } else {
        await stores.uploads.put({ id: upload, keys, partSize: before.partSize, size: end, time: Date.now() });
      }
    });
  }

  /** Make an empty file, which must not be there. */
  async makeFile(path: string): Promise<ContentsModel> {
    return this.change(stores => this.make(stores, path, 'file'));
  }

  /** Make a folder; the one above it must be there. */
  async makeFolder(path: string): Promise<ContentsModel> {
    return this.change(stores => this.make(stores, path, 'directory'));
  }

  /** Remove a file or an empty folder. */
  async remove(path: string): Promise<void> {
    await this.change(async stores => {
      const { entries } = stores;
      const entry = await removable(stores, path);
      if ((await entries.count(below(entry.path))) > 0) {
        throw new DriveError('ENOTEMPTY', `"${path}" is not empty`);
      }
      await removeAll(stores, [entry]);
      await touch(stores, entry.parent);
    });
  }

  /** Remove a file, or a folder with all that is in it. */
  async delete(path: string): Promise<void> {
    await this.change(async stores => {
      const entry = await removable(stores, path);
      await removeAll(stores, [entry, ...(await stores.entries.getAll(below(entry.path)))]);
      await touch(stores, entry.parent);
    });
  }

  /** Move a file or folder; a file that is there is replaced, an empty folder by a folder. */
  async rename(path: string, newPath: string): Promise<ContentsModel> {
    return this.change(async stores => {
      const { entries } = stores;
      const [from, to] = [normalize(path), normalize(newPath)];
      const entry = await need(stores, from);
      if (from === to) {
        return modelOf(entry);
      }
      if (from === '' || to === '' || to.startsWith(`${from}/`)) {
        throw new DriveError('EINVAL', `"${path}" cannot be moved into itself`);
      }
      await needFolder(stores, parentOf(to));
      await makeRoom(stores, entry, to);
      const moved = [entry, ...(await entries.getAll(below(from)))];
      await Promise.all(moved.map(({ path: old }) => entries.delete(old)));
      const renamed = moved.map(old => movedTo(old, to + old.path.slice(from.length)));
      await Promise.all(renamed.map(one => entries.put(one)));
      await touch(stores, entry.parent);
      await touch(stores, parentOf(to));
      return modelOf(movedTo(entry, to));
    });
  }

  replace(path: string, newPath: string): Promise<ContentsModel> {
    return this.rename(path, newPath);
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

  private async children(folder: string): Promise<Entry[]> {
    const entries = await this.db.getAllFromIndex('entries', 'parent', folder);
    return entries.filter(isBelowRoot);
  }

  /** Read a file and its contents, as they are at one moment. */
  private async reading<T>(
    path: string,
    run: (entry: Entry, part: ReadPart) => Promise<T>
  ): Promise<T> {
    const key = normalize(path);
    const transaction = this.db.transaction(['entries', 'bodies']);
    const entry = found(key, (await transaction.objectStore('entries').get(key)) ?? rootAt(key));
    if (entry.type === 'directory') {
      throw new DriveError('EISDIR', `"${path}" is a folder`);
    }
    return run(entry, partsIn(transaction));
  }

  private async make(stores: Change, path: string, type: Entry['type']): Promise<ContentsModel> {
    const key = normalize(path);
    await needFolder(stores, parentOf(key));
    if (key === '' || (await stores.entries.get(key))) {
      throw new DriveError('EEXIST', `"${path}" exists`);
    }
    const entry = newEntry(key, type);
    await stores.entries.put(entry);
    await touch(stores, entry.parent);
    return modelOf(entry);
  }

  private change<T>(run: (stores: Change) => Promise<T>): Promise<T> {
    return change(this.db, run);
  }
}

/** Let contents that are kept already take the place of a file, new or not. */
async function place(
  stores: Change,
  path: string,
  contents: Pick<Entry, 'size' | 'body' | 'parts'>
): Promise<ContentsModel> {
  const key = normalize(path);
  const old = await refuseFolder(stores, key);
  const entry: Entry = { ...newEntry(key, 'file'), ...(old && { created: old.created }), ...contents };
  await stores.entries.put(entry);
  if (old) {
    await Promise.all(keysOf(old).map(body => stores.bodies.delete(body)));
  } else {
    await touch(stores, entry.parent);
  }
  return modelOf(entry);
}

/** The file that is at a path where one may be written; undefined where none is yet. */
async function refuseFolder(stores: Change, key: string): Promise<Entry | undefined> {
  await needFolder(stores, parentOf(key));
  const old = (await stores.entries.get(key)) ?? rootAt(key);
  if (old?.type === 'directory') {
    throw new DriveError('EISDIR', `"${key}" is a folder`);
  }
  return old;
}

async function removable(stores: Change, path: string): Promise<Entry> {
  const entry = await need(stores, normalize(path));
  if (entry.path === '') {
    throw new DriveError('EACCES', 'the root cannot be removed');
  }
  return entry;
}

/** Make room for `entry` at `to`, as far as a file system would. */
async function makeRoom(stores: Change, entry: Entry, to: string): Promise<void> {
  const { entries } = stores;
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
  await removeAll(stores, [target]);
}

async function need({ entries }: Change, key: string): Promise<Entry> {
  return found(key, (await entries.get(key)) ?? rootAt(key));
}

/** A folder's own time changes with its names: Python's import system looks at nothing else. */
async function touch(stores: Change, key: string): Promise<void> {
  const folder = await need(stores, key);
  await stores.entries.put({ ...folder, modified: new Date().toISOString() });
}

async function needFolder(stores: Change, key: string): Promise<void> {
  if ((await need(stores, key)).type !== 'directory') {
    throw new DriveError('ENOTDIR', `"${key}" is no folder`);
  }
}

function movedTo(entry: Entry, path: string): Entry {
  return { ...entry, path, parent: parentOf(path) };
}

function modelOf({ path, type, size, created, modified }: Entry): ContentsModel {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return { name, path, type, size, created, last_modified: modified, format: null };
}

function join(folder: string, name: string): string {
  return folder ? `${folder}/${name}` : name;
}
