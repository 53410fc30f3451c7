/** Snapshots in the browser: in the origin's private file system, and where there is none in the Cache API. */
import { newId } from '../ids';
import { readerOf, type Reader } from '../io/reader';
import { IN_BROWSERS, Shelf, type Drawer, type Limits, type Owners } from './shelf';

/** The folder, or the cache. */
const NAME = 'lite-env-snapshots';

export function browserShelf(limits: Limits = IN_BROWSERS): Shelf {
  return new Shelf(openDrawer, limits, owners());
}

async function openDrawer(): Promise<Drawer> {
  const storage = (globalThis.navigator as Navigator | undefined)?.storage as StorageManager | undefined;
  if (typeof storage?.getDirectory === 'function') {
    try {
      const root = await storage.getDirectory();
      return new PrivateFiles(await root.getDirectoryHandle(NAME, { create: true }));
    } catch (error) {
      // Private windows of some browsers have the function, and no file system.
      if (typeof caches === 'undefined') {
        throw error;
      }
    }
  }
  if (typeof caches === 'undefined') {
    throw new Error('the page is not secure (https, or http on localhost)');
  }
  return new CachedFiles(await caches.open(NAME));
}

/** What of a file TypeScript's library does not know yet. */
interface File extends FileSystemFileHandle {
  /** With the mode several may read at once; browsers that do not know it let in one. */
  createSyncAccessHandle(how?: { mode: 'read-only' }): Promise<{
    getSize(): number;
    read(bytes: Uint8Array, options: { at: number }): number;
    truncate(size: number): void;
    write(bytes: Uint8Array, options: { at: number }): number;
    flush(): void;
    close(): void;
  }>;
}

class PrivateFiles implements Drawer {
  constructor(private readonly folder: FileSystemDirectoryHandle) {}

  async names(): Promise<readonly string[]> {
    const names: string[] = [];
    const { folder } = this as unknown as { folder: { keys(): AsyncIterable<string> } };
    for await (const name of folder.keys()) {
      names.push(name);
    }
    return names;
  }

  async size(name: string): Promise<number | null> {
    const handle = await unlessMissing(this.folder.getFileHandle(name));
    return (handle && (await unlessMissing(handle.getFile())))?.size ?? null;
  }

  async open(name: string): Promise<Reader | null> {
    const handle = (await unlessMissing(this.folder.getFileHandle(name))) as File | null;
    const reader = handle && (await inPlace(handle));
    const file = handle && !reader && (await unlessMissing(handle.getFile()));
    return file ? readerOf(new Uint8Array(await file.arrayBuffer())) : reader;
  }

  async write(name: string, bytes: Uint8Array): Promise<void> {
    const handle = (await this.folder.getFileHandle(name, { create: true })) as File;
    if (bytes.length === 0) {
      return; // A mark, by its name alone.
    }
    try {
      if (typeof handle.createWritable === 'function') {
        // Into a file beside it, which takes its place when it is closed.
        const writable = await handle.createWritable();
        await writable.write(bytes as Uint8Array<ArrayBuffer>);
        await writable.close();
      } else {
        const access = await handle.createSyncAccessHandle();
        access.truncate(0);
        access.write(bytes, { at: 0 });
        access.flush();
        access.close();
      }
    } catch (error) {
      await this.remove(name);
      throw error;
    }
  }

  async remove(name: string): Promise<void> {
    await unlessMissing(this.folder.removeEntry(name));
  }
}

/** Null where it cannot be read so. */
async function inPlace(handle: File): Promise<Reader | null> {
  try {
    const access = await handle.createSyncAccessHandle({ mode: 'read-only' });
    return {
      size: access.getSize(),
      read: (into, at) => {
        if (access.read(into, { at }) !== into.length) {
          throw new Error('it ends too soon');
        }
      },
      close: () => access.close(),
    };
  } catch {
    return null; // Somebody else has it, or there is no such handle here.
  }
}

async function unlessMissing<T>(action: Promise<T>): Promise<T | null> {
  try {
    return await action;
  } catch (error) {
    if ((error as Error).name === 'NotFoundError') {
      return null;
    }
    throw error;
  }
}

class CachedFiles implements Drawer {
  constructor(private readonly cache: Cache) {}

  async names(): Promise<readonly string[]> {
    return (await this.cache.keys()).map(({ url }) => url.slice(url.lastIndexOf('/') + 1));
  }

  async size(name: string): Promise<number | null> {
    const found = await this.cache.match(address(name));
    return found ? Number(found.headers.get('content-length')) : null;
  }

  async open(name: string): Promise<Reader | null> {
    const found = await this.cache.match(address(name));
    return found ? readerOf(new Uint8Array(await found.arrayBuffer())) : null;
  }

  async write(name: string, bytes: Uint8Array): Promise<void> {
    const headers = { 'content-length': String(bytes.length) };
    await this.cache.put(address(name), new Response(bytes as Uint8Array<ArrayBuffer>, { headers }));
  }

  async remove(name: string): Promise<void> {
    await this.cache.delete(address(name));
  }
}

/** No server has it. */
function address(name: string): string {
  return new URL(`/${NAME}/${name}`, globalThis.origin).href;
}

/** A worker lives as long as it holds a lock of its own name. */
function owners(): Owners {
  const own = `lite-env-snapshot-${newId()}`;
  const { locks } = (globalThis.navigator ?? {}) as { locks?: LockManager };
  let held = false;
  return {
    get own() {
      if (locks && !held) {
        held = true;
        void locks.request(own, () => new Promise(() => undefined));
      }
      return own;
    },
    isAlive: async owner => {
      const { held: others = [] } = (await locks?.query()) ?? {};
      return others.some(({ name }) => name === owner);
    },
  };
}
