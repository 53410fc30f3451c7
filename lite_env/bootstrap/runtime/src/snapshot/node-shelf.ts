/** Snapshots in a folder: those of Node. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { newId } from '../ids';
import type { Reader } from '../io/reader';
import { IN_BROWSERS, isSnapshot, Shelf, type Drawer, type Limits } from './shelf';

const LIMITS: Limits = { place: 160e6, all: 500e6 };
// Kept: what a kernel finds under that name is nothing.
const { pid } = process;
const signal = process.kill.bind(process);

export function folderShelf(folder: string, limits: Limits = LIMITS): Shelf {
  return new Shelf(async () => new Folder(folder), limits, { own: String(pid), isAlive: async owner => isAlive(Number(owner)) });
}

/** Where one is kept alone, in that file, for a pack to ship: no larger than browsers keep it. */
export function fileShelf(file: string): Shelf {
  const kept: string[] = [];
  const drawer: Drawer = {
    names: async () => kept,
    size: async () => null,
    open: async () => null,
    write: async (name, bytes) => {
      kept.push(name);
      await (isSnapshot(name) && writeFile(file, bytes));
    },
    remove: async () => undefined,
  };
  return new Shelf(async () => drawer, { place: IN_BROWSERS.place, all: Infinity }, { own: '', isAlive: async () => true });
}

class Folder implements Drawer {
  constructor(private readonly folder: string) {}

  async names(): Promise<readonly string[]> {
    return (await unlessMissing(readdir(this.folder))) ?? [];
  }

  async size(name: string): Promise<number | null> {
    return (await unlessMissing(stat(join(this.folder, name))))?.size ?? null;
  }

  async open(name: string): Promise<Reader | null> {
    const file = await unlessMissing((async () => openSync(join(this.folder, name), 'r'))());
    return file === null ? null : readerOfFile(file);
  }

  /** Beside its place, and then into it. */
  async write(name: string, bytes: Uint8Array): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    const beside = join(this.folder, `.${newId()}.tmp`);
    try {
      await writeFile(beside, bytes);
      await rename(beside, join(this.folder, name));
    } catch (error) {
      await rm(beside, { force: true });
      throw error;
    }
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.folder, name), { force: true });
  }
}

/** It stays what it is when another one takes its place. */
function readerOfFile(file: number): Reader {
  return {
    size: fstatSync(file).size,
    read: (into, at) => {
      for (let done = 0; done < into.length; ) {
        const count = readSync(file, into, done, into.length - done, at + done);
        if (count === 0) {
          throw new Error('it ends too soon');
        }
        done += count;
      }
    },
    close: () => closeSync(file),
  };
}

async function unlessMissing<T>(action: Promise<T>): Promise<T | null> {
  try {
    return await action;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return null;
    }
    throw error;
  }
}

/** Our own mark is one of this process, which has restored once already, or of another thread of it. */
function isAlive(owner: number): boolean {
  try {
    return signal(owner, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
