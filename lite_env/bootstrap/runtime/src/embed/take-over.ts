/** A storage takes the files of another one over, once. */
import { openDB } from 'idb';
import { PIECE_BYTES } from '../drive/limits';
import { newId } from '../ids';
import { bodyOf, change, databaseName, keysOf, split, type Database, type Entry, type Schema } from './storage';

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
    return await openDB<Schema>(name, undefined, {
      upgrade(_db, _before, _after, transaction) {
        transaction.done.catch(() => undefined); // The opening tells it, too.
        transaction.abort();
      },
      blocking: (_current, _blocked, event) => (event.target as unknown as IDBDatabase).close(),
    });
  } catch (error) {
    if ((error as Error | null)?.name === 'AbortError') {
      return null;
    }
    throw error;
  }
}

async function copy(db: Database, old: Database | null, from: string): Promise<void> {
  const staged = new Staged(db);
  const entries: Entry[] = [];
  for (const { body, parts, ...entry } of (await old?.getAll('entries')) ?? []) {
    const keys: number[] = [];
    for (const key of keysOf({ body, ...(parts && { parts }) })) {
      const data = (await old?.get('bodies', key)) ?? new Uint8Array(0);
      keys.push(...(await staged.add(parts ? [data] : split(data))));
    }
    entries.push({ ...entry, ...bodyOf(keys, parts?.size ?? PIECE_BYTES) });
  }
  await change(db, async stores => {
    if ((await stores.facts.get('takenOver')) !== undefined) {
      await Promise.all(staged.keys.map(key => stores.bodies.delete(key))); // Another tab was faster.
    } else {
      for (const entry of entries) {
        // What somebody has made here by that name since is newer.
        if ((await stores.entries.get(entry.path)) === undefined) {
          await stores.entries.put(entry);
        } else {
          await Promise.all(keysOf(entry).map(key => stores.bodies.delete(key)));
        }
      }
      await stores.facts.put(from, 'takenOver');
    }
    await stores.uploads.delete(staged.id);
  });
}

/** Contents that no name has yet; an upload, so that they are removed when their page ends before they get one. */
class Staged {
  readonly id = newId();
  readonly keys: number[] = [];

  constructor(private readonly db: Database) {}

  async add(pieces: readonly Uint8Array[]): Promise<number[]> {
    return change(this.db, async ({ bodies, uploads }) => {
      const added: number[] = [];
      for (const piece of pieces) {
        added.push(await bodies.add(piece));
      }
      this.keys.push(...added);
      await uploads.put({ id: this.id, keys: [...this.keys], partSize: 0, size: 0, time: Date.now() });
      return added;
    });
  }
}
