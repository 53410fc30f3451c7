/** What a start asks of snapshots: is there one, and may this kernel become one? */
import { describe } from '../errors';
import type { Saving } from '../family/runtime';
import type { SnapshotFigures } from '../protocol';
import { decodeSnapshot, encodeSnapshot, type Snapshot } from './form';
import { differing, featuresOf, holdsHere, type Key } from './key';
import type { Entry, Shelf } from './shelf';
import { ownKey, packOf, shippedKey, type Subject } from './subject';
import { guard, Unusable } from './unusable';

/** A snapshot, and what it is kept under. */
interface Found {
  readonly snapshot: Snapshot;
  readonly entry: Entry;
  /** Whether the pack has brought it. */
  readonly isShipped: boolean;
}

export class Snapshots {
  private subject: Subject | null = null;
  private entry: Promise<Entry> | null = null;
  private reading: Promise<Found | null> = Promise.resolve(null);
  private finding: Promise<boolean> = Promise.resolve(false);
  /** What was read by now. */
  private found: Found | null = null;
  private why = 'there is none yet';
  private possible = true;
  private settling: Promise<void> = Promise.resolve();
  private begun = 0;
  /** Seconds; null where the start was a plain one. */
  private took: number | null = null;
  private isShipped = false;

  constructor(
    private readonly shelf: Shelf,
    private readonly tell: (text: string) => void,
    /** Whether there is one; null where the shelf is to be asked, which is quick in Node. */
    private readonly kept: boolean | null
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
      this.reading = this.read(isThere !== false, subject).catch((error: unknown) => this.unusable(error));
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

  /** The snapshot, if it was read by now. */
  readNow(): Snapshot | null {
    return this.found?.snapshot ?? null;
  }

  /** The kernel has come of the snapshot, and its Python runs: it is a good one. */
  restored(): void {
    const { found } = this;
    this.took = (performance.now() - this.begun) / 1000;
    this.isShipped = found?.isShipped ?? false;
    this.tell(`the kernel was restored from ${this.isShipped ? "the pack's" : 'a'} snapshot in ${this.took.toFixed(2)} s`);
    if (found) {
      this.settling = this.quietly(() => (found.isShipped ? this.shelf.giveBack(found.entry) : this.shelf.sound(found.entry)));
    }
    this.reading = Promise.resolve(null);
    this.found = this.isShipped ? found : null; // Its pages are not read again, unless they are to be kept.
  }

  /** Kernels of this kind have none. */
  impossible(why: string): void {
    this.why = why;
    this.possible = false;
  }

  figures(): SnapshotFigures {
    const { took, why, possible, isShipped } = this;
    return { seconds: took, why: took === null ? why : '', possible, shipped: isShipped };
  }

  /** Its restore failed: it is never used again. */
  async failed(error: unknown): Promise<void> {
    this.unusable(error);
    if (this.found?.isShipped) {
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

  /** Take one of a kernel that was started plainly, and keep it; why that did not come about. `ship`: as a pack brings it. */
  async make(saving: Saving, ship = false): Promise<string | null> {
    return this.keep(async () => ({ entry: await (ship ? this.toShip() : this.own()), taken: saving.take() }));
  }

  /** Keep the one that the pack has brought as one's own: the next start need not inflate it. Whether that came about. */
  async adopt(): Promise<boolean> {
    const { found } = this;
    this.found = null;
    return found !== null && (await this.keep(async () => ({ entry: await this.own(), taken: found.snapshot }))) === null;
  }

  private async keep(what: () => Promise<{ entry: Entry; taken: Omit<Snapshot, 'key'> }>): Promise<string | null> {
    try {
      const { entry, taken } = await what();
      const started = performance.now();
      const bytes = await encodeSnapshot({ ...taken, key: entry.key });
      await this.shelf.keep(entry, bytes);
      const took = ((performance.now() - started) / 1000).toFixed(2);
      this.tell(`the next start takes a snapshot of this kernel: ${(bytes.length / 1e6).toFixed(1)} MB, kept in ${took} s`);
      return null;
    } catch (error) {
      const why = wordsFor(error);
      this.tell(`no snapshot of this kernel is kept: ${why}`);
      return why;
    }
  }

  private async read(look: boolean, { shipped }: Subject): Promise<Found | null> {
    const own = look ? await this.readOwn().catch((error: unknown) => this.unusable(error)) : null;
    return own ?? (shipped && this.readShipped(shipped));
  }

  private async readOwn(): Promise<Found | null> {
    const entry = await this.own();
    const bytes = await this.shelf.take(entry);
    if (!bytes) {
      return null;
    }
    try {
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
