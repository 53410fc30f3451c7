/** What a start asks of snapshots: is there one, and may this kernel become one? */
import { BootError, describe } from '../errors';
import type { Saving } from '../family/runtime';
import type { SnapshotFigures } from '../protocol';
import type { Here } from '../io/inflate';
import { checked, usedFirst, type Behind } from './behind';
import { decodeSnapshot, encodeSnapshot, filesOf, type Files, type Preload, type Snapshot } from './form';
import { differing, featuresOf, holdsHere, type Key } from './key';
import type { Preloading } from './preloading';
import type { Entry, Shelf } from './shelf';
import { ownKey, packOf, shippedKey, type Subject } from './subject';
import { guard, TooLarge, Unusable } from './unusable';

/** Bytes for a header, which is much smaller. */
const HEADER_ROOM = 2e6;

/** A snapshot, and what it is kept under. */
interface Found {
  readonly snapshot: Snapshot;
  readonly entry: Entry;
  /** Whether the pack has brought it. */
  readonly isShipped: boolean;
}

/** What was taken of a kernel, with or without modules. */
type Copied = Omit<Snapshot, 'key'>;

/** Keeps what was taken; `why` it is without the modules that it was to have, and what was thrown over them. */
type Keep = (copied: Copied, why?: string, error?: unknown) => Promise<void>;

/** What is to be known of one that a pack brings. */
export interface Shipment {
  /** Absolute paths of the environment's files that a restore reads. */
  readonly needs: readonly string[];
  /** Why it is without the modules that it was to have; empty where it is not. */
  readonly without: string;
}

export class Snapshots {
  private subject: Subject | null = null;
  private entry: Promise<Entry> | null = null;
  private reading: Promise<Found | null> = Promise.resolve(null);
  private finding: Promise<boolean> = Promise.resolve(false);
  /** What lies behind the snapshot; null where nothing does. */
  private behind: Promise<Behind | null> | null = null;
  /** What was read by now. */
  private found: Found | null = null;
  private why = 'there is none yet';
  private possible = true;
  private settling: Promise<void> = Promise.resolve();
  private begun = 0;
  /** Seconds; null where the start was a plain one. */
  private took: number | null = null;
  private isShipped = false;
  /** What the kernel has come with. */
  private preload: Preload | null = null;

  constructor(
    private readonly shelf: Shelf,
    private readonly tell: (text: string) => void,
    /** Whether there is one; null where the shelf is to be asked, which is quick in Node. */
    private readonly kept: boolean | null,
    /** Why one that is made is to be without preloaded modules; empty where it is not. */
    private withoutPreload = ''
  ) {}

  /** Begin to learn what there is; nothing waits for it. */
  look(): void {
    this.begun = performance.now();
    if (this.kept !== false) {
      this.shelf.look();
    }
  }

  /**
   * Begin to read the snapshot of that subject; whether there seems to be one, so that the start waits for it. Where
   * that is not known yet the start goes on without, and takes it all the same if it has come when it is time. `anew`: whatever is there.
   */
  seek(subject: Subject, anew = false): boolean {
    this.subject = subject;
    if (anew) {
      return false;
    }
    const isThere = this.kept ?? this.shelf.has(subject.place);
    if (isThere !== false || subject.shipped) {
      let tell: (behind: Behind | null) => void = () => undefined;
      this.behind = new Promise(resolve => (tell = resolve));
      this.reading = this.read(isThere !== false, subject, tell).catch((error: unknown) => this.unusable(error));
      this.finding = this.reading.then(found => (this.found = found) !== null);
    }
    return isThere === true || subject.shipped !== null;
  }

  /** The snapshot, checked; null where the start has to be a plain one. */
  async whenRead(): Promise<Snapshot | null> {
    return (await this.reading)?.snapshot ?? null;
  }

  /** Whether there is one that can be used. */
  isFound(): Promise<boolean> {
    return this.finding;
  }

  /** A file of the kernel, without compression, as the visitor's own snapshot has it; null where it has not. */
  file(digest: string): Promise<Here | null> | null {
    return this.behind && this.behind.then(behind => behind?.get(digest) ?? null);
  }

  /** The snapshot, if it was read by now. */
  readNow(): Snapshot | null {
    return this.found?.snapshot ?? null;
  }

  /** The kernel has come of the snapshot, and its Python runs: it is a good one. */
  restored(): void {
    const { found } = this;
    this.took = (performance.now() - this.begun) / 1000;
    this.isShipped = found?.isShipped ?? false;
    this.preload = found?.snapshot.preload ?? null;
    this.tell(`the kernel was restored from ${this.isShipped ? "the pack's" : 'a'} snapshot in ${this.took.toFixed(2)} s`);
    if (found) {
      this.settling = this.quietly(() => (found.isShipped ? this.shelf.giveBack(found.entry) : this.shelf.sound(found.entry)));
    }
    this.reading = Promise.resolve(null);
    this.behind = null;
    this.found = this.isShipped ? found : null; // Its pages are not read again, unless they are to be kept.
  }

  /** Kernels of this kind have none. */
  impossible(why: string): void {
    this.why = why;
    this.possible = false;
  }

  figures(): SnapshotFigures {
    const { took, why, possible, isShipped, subject, withoutPreload } = this;
    const { modules, why: tried } = this.preload ?? { modules: [], why: withoutPreload };
    const preload = { modules: subject?.preload ?? [], done: modules.length > 0, why: tried };
    return { seconds: took, why: took === null ? why : '', possible, shipped: isShipped, preload };
  }

  /** Its restore failed: it is never used again, unless a file that it needs could not be read, which another time may. */
  async failed(error: unknown): Promise<void> {
    this.unusable(error);
    const { found } = this;
    if (found && error instanceof BootError) {
      return this.quietly(() => this.shelf.giveBack(found.entry));
    }
    if (found?.snapshot.preload?.modules.length) {
      // It would fail again.
      this.withoutPreload = `a kernel with them could not be restored: ${this.why}`;
    }
    if (found?.isShipped) {
      return; // The mark stays.
    }
    await this.drop();
  }

  /** Whether it was a good one has been written down. */
  settled(): Promise<void> {
    return this.settling;
  }

  /** Throw it away. */
  async drop(): Promise<void> {
    await this.quietly(async () => this.shelf.drop(await this.own()));
  }

  /** Take one of a kernel that was started plainly, and keep it; why that did not come about. */
  make(saving: Saving): Promise<string | null> {
    const { withoutPreload: why } = this;
    return this.making(() => this.keep({ ...saving.take(), preload: why ? { modules: [], why } : null }));
  }

  /**
   * The same of one that is started for that alone, with modules imported; where that fails, as it was before.
   * Where their files could not be read nothing is kept: the next start tries again.
   */
  makeWith(preloading: Preloading, saving: Saving): Promise<string | null> {
    if (this.withoutPreload) {
      return this.make(saving);
    }
    return this.making(() => this.withModules(preloading, saving, taken => this.keep(taken)));
  }

  /** Take the one that a pack brings, with modules imported where `preloading` names any; or why there is none. */
  async ship(saving: Saving, preloading: Preloading | null): Promise<Shipment | string> {
    let needs: readonly string[] = [];
    let without = '';
    const keep: Keep = async (copied, why = '', error = null) => {
      // Where there is more room a visitor may have them all the same.
      await this.keep(error instanceof TooLarge ? { ...copied, preload: null } : copied, true);
      [needs, without] = [saving.needs(copied), why];
    };
    const why = await this.making(() =>
      preloading ? this.withModules(preloading, saving, keep) : keep({ ...saving.take(), preload: null })
    );
    return why ?? { needs, without };
  }

  /** Keep the one that the pack has brought as one's own: the next start need not inflate it. Whether that came about. */
  async adopt(): Promise<boolean> {
    const { found } = this;
    this.found = null;
    return found !== null && (await this.making(() => this.keep(found.snapshot))) === null;
  }

  private async withModules(preloading: Preloading, saving: Saving, keep: Keep): Promise<void> {
    const bare = saving.take();
    await preloading.fetch();
    const { modules } = preloading;
    try {
      await this.import(preloading, saving);
      await keep({ ...saving.take(), preload: { modules, why: '' } });
    } catch (error) {
      guard(!preloading.hasLost(), 'files of the modules that it is to preload cannot be read');
      const why = wordsFor(error);
      this.tell(`the snapshot is one without ${modules.join(', ')}: ${why}`);
      await keep({ ...bare, preload: { modules: [], why } }, why, error);
    }
  }

  private async import(preloading: Preloading, saving: Saving): Promise<void> {
    const started = performance.now();
    await saving.preload(preloading.modules);
    guard(!preloading.hasLost(), 'some of their files cannot be read');
    const took = ((performance.now() - started) / 1000).toFixed(2);
    this.tell(`${preloading.modules.join(', ')} imported for the snapshot in ${took} s`);
  }

  /** `work` begins at once, and takes its copy first: a cell may come while something is waited for. */
  private async making(work: () => Promise<void>): Promise<string | null> {
    try {
      await work();
      return null;
    } catch (error) {
      const why = wordsFor(error);
      this.tell(`no snapshot of this kernel is kept: ${why}`);
      return why;
    }
  }

  private async keep(taken: Copied, ship = false): Promise<void> {
    const started = performance.now();
    const entry = await (ship ? this.toShip() : this.own());
    const files = ship ? new Map() : await this.files(taken.memory.data.length);
    const bytes = await encodeSnapshot({ ...taken, key: entry.key }, files);
    await this.shelf.keep(entry, bytes);
    const took = ((performance.now() - started) / 1000).toFixed(2);
    const imported = taken.preload?.modules.length ? ` with ${taken.preload.modules.join(', ')}` : '';
    this.tell(`the next start takes a snapshot of this kernel${imported}: ${(bytes.length / 1e6).toFixed(1)} MB, kept in ${took} s`);
  }

  /** The kernel's own files, as far as there is room for them beside so many bytes. */
  private async files(bytes: number): Promise<Files> {
    const none: Files = new Map();
    const lost = (error: unknown) => {
      this.tell(`the snapshot is one without the kernel's own files: ${wordsFor(error)}`);
      return none;
    };
    const files = (await this.subject?.files().catch(lost)) ?? none;
    const size = [...files.values()].reduce((sum, { length }) => sum + length, bytes);
    return size + HEADER_ROOM <= this.shelf.room ? files : none;
  }

  private async read(look: boolean, { shipped }: Subject, tell: (behind: Behind | null) => void): Promise<Found | null> {
    const own = look ? await this.readOwn(tell).catch((error: unknown) => this.unusable(error)) : null;
    tell(null); // Who waits for what lies behind it has been told, where it does.
    return own ?? (shipped && this.readShipped(shipped));
  }

  private async readOwn(tell: (behind: Behind | null) => void): Promise<Found | null> {
    const entry = await this.own();
    const bytes = await this.shelf.take(entry);
    if (!bytes) {
      return null;
    }
    try {
      const behind = checked(filesOf(bytes));
      tell(behind);
      await usedFirst(behind);
      const snapshot = await decodeSnapshot(bytes);
      guard(snapshot.key.id === entry.key.id, 'it is one of another kernel');
      return { snapshot, entry, isShipped: false };
    } catch (error) {
      await this.drop();
      throw error;
    }
  }

  private async readShipped(read: () => Promise<Uint8Array>): Promise<Found> {
    const snapshot = await decodeSnapshot(await read(), true);
    const { features = '' } = snapshot.key.parts;
    const entry = await this.entryOf(subject => shippedKey(subject, features));
    const other = differing(snapshot.key, entry.key);
    guard(other.length === 0, `the pack's is of another start: ${other.join(', ')}`);
    guard(holdsHere(features), `the pack's is for WebAssembly with ${features}`);
    // Where nothing can be kept nobody knows whether it crashed before.
    await this.shelf.borrow(entry).catch((error: unknown) => guard(!(error instanceof Unusable), `the pack's: ${wordsFor(error)}`));
    return { snapshot, entry, isShipped: true };
  }

  private unusable(error: unknown): null {
    this.why = wordsFor(error);
    this.tell(`the kernel's snapshot is not used: ${this.why}`);
    return null;
  }

  private own(): Promise<Entry> {
    this.entry ??= this.entryOf(ownKey);
    return this.entry;
  }

  private toShip(): Promise<Entry> {
    return this.entryOf(async subject => shippedKey(subject, featuresOf(await subject.script())));
  }

  private async entryOf(key: (subject: Subject) => Promise<Key>): Promise<Entry> {
    const { subject } = this;
    guard(subject !== null, 'nothing was started');
    return { place: subject.place, pack: await packOf(subject), key: await key(subject) };
  }

  private async quietly(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      this.tell(`where snapshots are kept: ${wordsFor(error)}`);
    }
  }
}

function wordsFor(error: unknown): string {
  return error instanceof Unusable ? error.message : describe(error);
}
