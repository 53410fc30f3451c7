/**
 * Where snapshots are kept: by place (which pack of which address, which kernel), pack and key. What grows too large
 * goes, the least recently used first; what an older pack of the place left goes at once; what crashed once is not used
 * again.
 */
import { sha256Hex } from '../io/digest';
import type { Reader } from '../io/reader';
import { soon } from '../soon';
import type { Key } from './key';
import { guard, TooLarge, Unusable } from './unusable';

/** Byte strings by name; a reader of one sees it as it was when it was opened. */
export interface Drawer {
  names(): Promise<readonly string[]>;
  /** In bytes; null where there is none. */
  size(name: string): Promise<number | null>;
  open(name: string): Promise<Reader | null>;
  write(name: string, bytes: Uint8Array): Promise<void>;
  remove(name: string): Promise<void>;
}

/** Bytes. */
export interface Limits {
  /** Of one place. */
  readonly place: number;
  readonly all: number;
}

/** Of one place and of an origin, in browsers. */
export const IN_BROWSERS: Limits = { place: 80e6, all: 250e6 };

/** Who uses a snapshot, so that another one knows whether it still lives. */
export interface Owners {
  readonly own: string;
  isAlive(owner: string): Promise<boolean>;
}

/** What a snapshot is kept under. */
export interface Entry {
  readonly place: string;
  /** Which pack, and by which runtime. */
  readonly pack: string;
  readonly key: Key;
}

const SNAPSHOT = '.snapshot';
/** Made before a restore, with the name of who restores, and removed when the kernel runs: one that stays says that it never did. */
const TRIED = '.tried';
const DIED = 'the start that used it before never came to its end';
/** When it was used last, or made: what browsers say of the time of a file is not the same everywhere, and in some it is now. */
const USED = '.used';
/** Milliseconds that a start waits for the shelf, once it knows that there is something on it. */
const PATIENCE = 10_000;

export class Shelf {
  private drawer: Promise<Drawer> | null = null;
  private found: readonly string[] | null = null;
  private marking: Promise<void | undefined> = Promise.resolve();

  constructor(
    private readonly open: () => Promise<Drawer>,
    private readonly limits: Limits,
    private readonly owners: Owners,
    private readonly patience = PATIENCE
  ) {}

  /** Bytes that one snapshot may have. */
  get room(): number {
    return this.limits.place;
  }

  /** Begin to learn what there is; nobody waits for it. */
  look(): void {
    this.opened()
      .then(drawer => drawer.names())
      .then(
        names => (this.found = names),
        () => (this.found = [])
      );
  }

  /** Whether there is something of that place; null while that is not known. */
  has(place: string): boolean | null {
    return this.found && this.found.some(name => name.startsWith(`${placeName(place)}-`) && isSnapshot(name));
  }

  /**
   * A snapshot, which may be damaged; null where there is none. It counts as one that crashed until it is said to be
   * sound. Who has it closes it.
   *
   * @throws Unusable: it crashed before, or the shelf does not answer.
   */
  async take(entry: Entry): Promise<Reader | null> {
    const name = await nameOf(entry);
    const taking = this.takeNamed(name);
    const late = () => {
      taking.then(reader => reader?.close(), () => undefined);
      throw new Unusable('where snapshots are kept does not answer');
    };
    return soon(taking, this.patience, late);
  }

  private async takeNamed(name: string): Promise<Reader | null> {
    const drawer = await this.opened();
    const [reader, before] = await Promise.all([drawer.open(name + SNAPSHOT), this.marksOf(name, drawer)]);
    if (!reader) {
      return null;
    }
    if (await this.hasDead(before)) {
      reader.close();
      await this.removeNamed(name);
      throw new Unusable(DIED);
    }
    this.mark(name, drawer);
    return reader;
  }

  /**
   * Note that a start uses what is kept elsewhere, until it is said to be sound.
   *
   * @throws Unusable: it crashed before; it is not to be used again.
   */
  async borrow(entry: Entry): Promise<void> {
    const name = await nameOf(entry);
    const drawer = await this.opened();
    guard(!(await this.hasDead(await this.marksOf(name, drawer))), DIED);
    this.mark(name, drawer);
  }

  /** A start does not use it any more, and did not crash. */
  async giveBack(entry: Entry): Promise<void> {
    const name = await nameOf(entry);
    const drawer = await this.opened();
    await this.marking;
    await drawer.remove(this.markOf(name));
  }

  /** Whether one of those who made these marks lives no more. */
  private async hasDead(marks: readonly string[]): Promise<boolean> {
    for (const mark of marks) {
      if (!(await this.owners.isAlive(ownerOf(mark)))) {
        return true;
      }
    }
    return false;
  }

  /** Not waited for: it is there long before the restore is over. */
  private mark(name: string, drawer: Drawer): void {
    this.marking = drawer.write(this.markOf(name), new Uint8Array(0)).catch(() => undefined);
  }

  private async marksOf(name: string, drawer: Drawer): Promise<string[]> {
    return (this.found ?? (await drawer.names())).filter(other => other.startsWith(`${name}~`) && other.endsWith(TRIED));
  }

  private markOf(name: string): string {
    return `${name}~${this.owners.own}${TRIED}`;
  }

  /** The kernel that was restored of it runs. */
  async sound(entry: Entry): Promise<void> {
    const name = await nameOf(entry);
    const drawer = await this.opened();
    await this.marking;
    await drawer.remove(this.markOf(name));
    await noteUse(name, drawer);
  }

  async drop(entry: Entry): Promise<void> {
    await this.removeNamed(await nameOf(entry));
  }

  /** @throws Unusable: it is too large (TooLarge), or was not kept. */
  async keep(entry: Entry, bytes: Uint8Array): Promise<void> {
    const name = await nameOf(entry);
    const { place } = this.limits;
    if (bytes.length > place) {
      throw new TooLarge(`it has ${bytes.length} bytes: more than ${place} are not kept`);
    }
    const drawer = await this.opened();
    for (const old of await this.tooMany(drawer, name, bytes.length)) {
      await this.removeNamed(old);
    }
    await drawer.write(name + SNAPSHOT, bytes);
    // WebKit in private windows says that it has written what it has not.
    guard((await drawer.names()).includes(name + SNAPSHOT), 'the browser has lost it at once');
    // One of which it is not known is only older than others.
    await noteUse(name, drawer).catch(() => undefined);
  }

  /** What goes before another one is written. */
  private async tooMany(drawer: Drawer, added: string, size: number): Promise<string[]> {
    const names = (await drawer.names()).filter(isSnapshot).map(name => name.slice(0, -SNAPSHOT.length));
    const kept = await Promise.all(
      names.map(async name => {
        const [size, used] = [await drawer.size(name + SNAPSHOT), await lastUse(name, drawer)];
        return { name, size: size ?? 0, used };
      })
    );
    return whatGoes(kept, { name: added, size }, this.limits);
  }

  private async removeNamed(name: string): Promise<void> {
    const drawer = await this.opened();
    // One that is written later would say of the next snapshot that nobody survives it.
    await this.marking;
    // The marks go last: what is half gone is not used.
    const marks = (await drawer.names()).filter(other => other.startsWith(`${name}~`));
    for (const gone of [name + SNAPSHOT, name + USED, ...marks]) {
      await drawer.remove(gone);
    }
  }

  private opened(): Promise<Drawer> {
    this.drawer ??= this.open();
    return this.drawer;
  }
}

/** What is kept, by its name without a suffix. */
interface Kept {
  readonly name: string;
  readonly size: number;
  readonly used: number;
}

/** The names that go so that `added` fits. */
export function whatGoes(kept: readonly Kept[], added: Pick<Kept, 'name' | 'size'>, limits: Limits): string[] {
  const [place, pack] = added.name.split('-');
  const gone = new Set(
    kept.filter(({ name }) => name === added.name || (name.startsWith(`${place}-`) && name.split('-')[1] !== pack))
  );
  const oldestFirst = [...kept].sort((one, other) => one.used - other.used);
  const shrink = (among: readonly Kept[], limit: number) => {
    const stay = () => among.filter(one => !gone.has(one));
    const size = () => stay().reduce((sum, one) => sum + one.size, added.size);
    while (size() > limit && stay()[0]) {
      gone.add(stay()[0] as Kept);
    }
  };
  shrink(oldestFirst.filter(({ name }) => name.startsWith(`${place}-`)), limits.place);
  shrink(oldestFirst, limits.all);
  return [...gone].map(({ name }) => name);
}

/** Whether what a drawer has under that name is a snapshot, and not a note of one. */
export function isSnapshot(name: string): boolean {
  return name.endsWith(SNAPSHOT);
}

function noteUse(name: string, drawer: Drawer): Promise<void> {
  return drawer.write(name + USED, new TextEncoder().encode(String(Date.now())));
}

/** Milliseconds since 1970; 0 where the note is gone or damaged. */
async function lastUse(name: string, drawer: Drawer): Promise<number> {
  const reader = await drawer.open(name + USED);
  const bytes = new Uint8Array(reader?.size ?? 0);
  reader?.read(bytes, 0);
  reader?.close();
  const text = new TextDecoder().decode(bytes);
  return /^\d{1,15}$/.test(text) ? Number(text) : 0;
}

function ownerOf(mark: string): string {
  return mark.slice(mark.indexOf('~') + 1, -TRIED.length);
}

async function nameOf({ place, pack, key }: Entry): Promise<string> {
  return [placeName(place), (await sha256Hex(new TextEncoder().encode(pack))).slice(0, 16), key.id.slice(0, 32)].join('-');
}

/** Made at once, unlike a SHA-256: two places of one name only share their bounds. */
function placeName(place: string): string {
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (let at = 0; at < place.length; at += 1) {
    const code = place.charCodeAt(at);
    high = Math.imul(high ^ code, 2654435761);
    low = Math.imul(low ^ code, 1597334677);
  }
  return [high, low].map(half => (half >>> 0).toString(16).padStart(8, '0')).join('');
}
