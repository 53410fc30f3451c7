/** What a start asks of snapshots: is there one, and may this kernel become one? */
import { BootError, describe } from '../errors';
import type { Saving } from '../family/runtime';
import type { SnapshotFigures } from '../protocol';
import { decodeBytes, decodeSnapshot, encodeSnapshot, type Copied, type Files, type Preload, type Snapshot } from './form';
import { differing, featuresOf, holdsHere, type Key } from './key';
import type { Preloading } from './preloading';
import type { Entry, Shelf } from './shelf';
import { ownKey, packOf, shippedKey, type Subject } from './subject';
import { guard, TooLarge, Unusable } from './unusable';

/** Bytes of a header, beside what lies outside of the memory. */
const HEADER_ROOM = 5e5;

/** A snapshot, and what it is kept under. */
interface Found {
  readonly snapshot: Snapshot;
  readonly entry: Entry;
  /** Whether the pack has brought it. */
  readonly isShipped: boolean;
}

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
  /** The visitor's own, behind which files lie; null where none is looked for. */
  private own: Promise<Snapshot | null> | null = null;
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
      const unusable = (error: unknown) => this.unusable(error);
      const own = isThere === false ? Promise.resolve(null) : this.readOwn().catch(unusable);
      this.own = isThere === false ? null : own.then(found => found?.snapshot ?? null);
      this.reading = own.then(found => found ?? (subject.shipped && this.readShipped(subject.shipped))).catch(unusable);
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

  /** A file that lies behind the visitor's own snapshot; null where none does. */
  file(name: string): Promise<Uint8Array | null> | null {
    return this.own && this.own.then(snapshot => snapshot?.file(name) ?? null);
  }

  /** The snapshot, if it was read by now; what comes later is not used. */
  readNow(): Snapshot | null {
    if (!this.found) {
      void this.reading.then(found => found && this.quietly(() => this.shelf.giveBack(found.entry)));
      this.letGo();
    }
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
    this.letGo();
    this.found = this.isShipped ? found : null; // It may be kept as the visitor's own.
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
    this.letGo();
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
    await this.quietly(async () => this.shelf.drop(await this.toKeep()));
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
      [needs, without] = [copied.libraries, why];
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
    return found !== null && (await this.making(async () => this.keep(found.snapshot.copied()))) === null;
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
    const entry = await (ship ? this.toShip() : this.toKeep());
    const files: Files = ship ? new Map() : await this.files(taken);
    const bytes = await encodeSnapshot(entry.key, taken, files);
    await this.shelf.keep(entry, bytes);
    const took = ((performance.now() - started) / 1000).toFixed(2);
    const imported = taken.preload?.modules.length ? ` with ${taken.preload.modules.join(', ')}` : '';
    this.tell(`the next start takes a snapshot of this kernel${imported}: ${(bytes.length / 1e6).toFixed(1)} MB, kept in ${took} s`);
  }

  /** What a restored kernel reads of the pack, as far as there is room for it. */
  private async files({ memory, outside, libraries }: Copied): Promise<Files> {
    const files = new Map<string, Uint8Array>();
    let room = this.shelf.room - memory.data.length - JSON.stringify(outside).length - HEADER_ROOM;
    try {
      for (const [name, bytes] of (await this.subject?.files(libraries)) ?? []) {
        if (bytes.length <= room) {
          files.set(name, bytes);
          room -= bytes.length;
        }
      }
    } catch (error) {
      this.tell(`the snapshot is one without files of the pack: ${wordsFor(error)}`);
    }
    return files;
  }

  private async readOwn(): Promise<Found | null> {
    const entry = await this.toKeep();
    const reader = await this.shelf.take(entry);
    if (!reader) {
      return null;
    }
    try {
      const snapshot = await decodeSnapshot(reader);
      guard(snapshot.key.id === entry.key.id, 'it is one of another kernel');
      return { snapshot, entry, isShipped: false };
    } catch (error) {
      reader.close();
      await this.drop();
      throw error;
    }
  }

  /** Nothing more is read of the visitor's own. */
  private letGo(): void {
    void this.own?.then(snapshot => snapshot?.close());
    this.own = null;
    this.reading = Promise.resolve(null);
  }

  private async readShipped(read: () => Promise<Uint8Array>): Promise<Found> {
    const snapshot = await decodeBytes(await read());
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

  private toKeep(): Promise<Entry> {
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
