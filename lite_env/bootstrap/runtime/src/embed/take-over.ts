/** A storage takes the files of another one over, once. */
import { openDB } from 'idb';
import { DriveError } from '../drive/channel';
import { PIECE_BYTES } from '../drive/limits';
import { newId } from '../ids';
import {
  bodyOf,
  change,
  databaseName,
  dropUpload,
  keysOf,
  opened,
  split,
  type Database,
  type Entry,
  type Schema,
} from './storage';

/** So often the names are read anew whose contents another page replaces while they are copied. */
const ROUNDS = 5;

/**
 * Copy what lies in the storage `from`, which stays as it is: pages that have shared it each need their files. It is
 * done when all of it is there; where that fails, the next opening begins anew.
 */
export async function takeOver(db: Database, from: string): Promise<void> {
  if ((await db.get('facts', 'takenOver')) !== undefined) {
    return;
  }
  const old = await existing(databaseName(from));
  try {
    await copy(db, old, from);
  } finally {
    old?.close();
  }
}

/** The database of that name, of whatever version; null where there is none, and none is made. */
async function existing(name: string): Promise<Database | null> {
  try {
    const opening = openDB<Schema>(name, undefined, {
      upgrade(_db, _before, _after, transaction) {
        transaction.done.catch(() => undefined); // The opening tells it, too.
        transaction.abort();
      },
      blocking: (_current, _blocked, event) => (event.target as unknown as IDBDatabase).close(),
    });
    return await opened(opening);
  } catch (error) {
    if ((error as Error | null)?.name === 'AbortError') {
      return null;
    }
    throw error;
  }
}

async function copy(db: Database, old: Database | null, from: string): Promise<void> {
  const staged = new Staged(db);
  try {
    await move(db, from, staged, old ? await stageAll(old, staged) : []);
  } catch (error) {
    await dropUpload(db, staged.id).catch(() => undefined); // The next opening begins with all the room there is.
    throw error;
  }
}

/**
 * The entries of the old storage as they were at one moment, with contents of ours. No body ever changes: one whose
 * entry was replaced meanwhile is gone, and the names are read anew.
 */
async function stageAll(old: Database, staged: Staged): Promise<Entry[]> {
  let lost = '';
  for (let round = 1; round <= ROUNDS; round += 1) {
    const entries = await old.getAll('entries');
    const missing = await stageMissing(old, staged, entries);
    if (missing === null) {
      return entries.map(entry => staged.entry(entry));
    }
    lost = missing.path;
  }
  throw new DriveError('EIO', `the contents of "${lost}" are not there, or change all the time`);
}

/** Stage what is not yet; the entry whose contents are not there, null where all are. */
async function stageMissing(old: Database, staged: Staged, entries: readonly Entry[]): Promise<Entry | null> {
  for (const entry of entries) {
    let size = 0;
    for (const key of keysOf(entry)) {
      const data = staged.lengthOf(key) === undefined ? await old.get('bodies', key) : null;
      if (data === undefined) {
        return entry;
      }
      if (data) {
        await staged.add(key, entry.parts ? [data] : split(data));
      }
      size += staged.lengthOf(key) ?? 0;
    }
    if (entry.type === 'file' && size !== entry.size) {
      throw new DriveError('EIO', `"${entry.path}" has ${size} bytes in place of ${entry.size}`);
    }
  }
  return null;
}

/** Give what is staged its names, in one step. */
async function move(db: Database, from: string, staged: Staged, entries: readonly Entry[]): Promise<void> {
  await change(db, async stores => {
    const { bodies, facts, uploads } = stores;
    const used = new Set<number>();
    if ((await facts.get('takenOver')) === undefined) {
      if (((await uploads.get(staged.id))?.keys.length ?? 0) !== staged.keys.length) {
        throw new DriveError('EIO', 'another page has taken the copies for left over');
      }
      for (const entry of entries) {
        // What somebody has made here by that name since is newer.
        if ((await stores.entries.get(entry.path)) === undefined) {
          await stores.entries.put(entry);
          keysOf(entry).forEach(key => used.add(key));
        }
      }
      await facts.put(from, 'takenOver');
    } // Else another tab was faster.
    await Promise.all(staged.keys.filter(key => !used.has(key)).map(key => bodies.delete(key)));
    await uploads.delete(staged.id);
  });
}

/** Contents that no name has yet; an upload, so that they are removed when their page ends before they get one. */
class Staged {
  readonly id = newId();
  readonly keys: number[] = [];
  /** By the key that they have in the old storage. */
  private readonly copies = new Map<number, { readonly keys: readonly number[]; readonly length: number }>();

  constructor(private readonly db: Database) {}

  lengthOf(key: number): number | undefined {
    return this.copies.get(key)?.length;
  }

  async add(key: number, pieces: readonly Uint8Array[]): Promise<void> {
    const keys = await change(this.db, async ({ bodies, uploads }) => {
      const added: number[] = [];
      for (const piece of pieces) {
        added.push(await bodies.add(piece));
      }
      const all = [...this.keys, ...added];
      await uploads.put({ id: this.id, keys: all, partSize: 0, size: 0, time: Date.now() });
      return added;
    });
    this.keys.push(...keys);
    this.copies.set(key, { keys, length: pieces.reduce((sum, piece) => sum + piece.length, 0) });
  }

  /** The entry with its copies in place of what it had. */
  entry({ body, parts, ...entry }: Entry): Entry {
    const old = keysOf({ body, ...(parts && { parts }) });
    const keys = old.flatMap(key => this.copies.get(key)?.keys ?? []);
    return { ...entry, ...bodyOf(keys, parts?.size ?? PIECE_BYTES) };
  }
}
