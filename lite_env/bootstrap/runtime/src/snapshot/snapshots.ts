/** What a start asks of snapshots: is there one, and may this kernel become one? */
import { describe } from '../errors';
import type { Saving } from '../family/runtime';
import type { SnapshotFigures } from '../protocol';
import { decodeSnapshot, encodeSnapshot, FORMAT, type Preload, type Snapshot } from './form';
import { keyOf, wasmFeatures } from './key';
import type { Entry, Shelf } from './shelf';
import { guard, Unusable } from './unusable';

declare const LITE_ENV_RUNTIME: string;

/** What a snapshot is of. */
export interface Subject {
  /** Address of the pack, and the kernel. */
  readonly place: string;
  /** The manifest's digest vouches for all that is in the pack. */
  pack(): Promise<string>;
  readonly parts: Readonly<Record<string, string>>;
  /** Modules that it is to have imported. */
  readonly preload: readonly string[];
}

/** What of an environment modules need that are to be preloaded. */
export interface Preloading {
  readonly modules: readonly string[];
  /** Have it at hand. @throws what cannot be had, which another time may. */
  fetch(): Promise<void>;
  /** Whether something could not be read. */
  hasLost(): boolean;
}

export class Snapshots {
  private subject: Subject | null = null;
  private entry: Promise<Entry> | null = null;
  private reading: Promise<Snapshot | null> = Promise.resolve(null);
  /** What was read by now. */
  private snapshot: Snapshot | null = null;
  private why = 'there is none yet';
  private possible = true;
  private settling: Promise<void> = Promise.resolve();
  private begun = 0;
  /** Seconds; null where the start was a plain one. */
  private took: number | null = null;
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
    if (isThere !== false) {
      this.reading = this.read().catch((error: unknown) => this.unusable(error));
      void this.reading.then(snapshot => (this.snapshot = snapshot));
    }
    return isThere === true;
  }

  /** The snapshot, checked; null where the start has to be a plain one. */
  whenRead(): Promise<Snapshot | null> {
    return this.reading;
  }

  /** The same of what is known by now. */
  readNow(): Snapshot | null {
    return this.snapshot;
  }

  /** The kernel has come of the snapshot, and its Python runs: it is a good one. */
  restored(): void {
    this.took = (performance.now() - this.begun) / 1000;
    this.preload = this.snapshot?.preload ?? null;
    this.tell(`the kernel was restored from a snapshot in ${this.took.toFixed(2)} s`);
    this.settling = this.quietly(async () => this.shelf.sound(await this.own()));
  }

  /** Kernels of this kind have none. */
  impossible(why: string): void {
    this.why = why;
    this.possible = false;
  }

  figures(): SnapshotFigures {
    const { took, why, possible, subject, withoutPreload } = this;
    const { modules, why: tried } = this.preload ?? { modules: [], why: withoutPreload };
    const preload = { modules: subject?.preload ?? [], done: modules.length > 0, why: tried };
    return { seconds: took, why: took === null ? why : '', possible, preload };
  }

  /** Its restore failed: it is never used again. */
  async failed(error: unknown): Promise<void> {
    this.unusable(error);
    if (this.snapshot?.preload?.modules.length) {
      // It would fail again.
      this.withoutPreload = `a kernel with them could not be restored: ${this.why}`;
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

  /** Take one of a kernel that was started plainly, and keep it; whether that came about. */
  make(saving: Saving): Promise<boolean> {
    const { withoutPreload: why } = this;
    return this.making(entry => this.keep({ ...saving.take(), key: entry.key, preload: why ? { modules: [], why } : null }, entry));
  }

  /**
   * The same of one that is started for that alone, with modules imported; where that fails, as it was before.
   * Where their files could not be read nothing is kept: the next start tries again.
   */
  makeWith(preloading: Preloading, saving: Saving): Promise<boolean> {
    if (this.withoutPreload) {
      return this.make(saving);
    }
    return this.making(async entry => {
      const { key } = entry;
      const bare = saving.take();
      await preloading.fetch();
      const { modules } = preloading;
      let preload: Preload;
      try {
        await this.import(preloading, saving);
        await this.keep({ ...saving.take(), key, preload: { modules, why: '' } }, entry);
      } catch (error) {
        guard(!preloading.hasLost(), 'files of the modules that it is to preload cannot be read');
        preload = { modules: [], why: wordsFor(error) };
        this.tell(`the snapshot is one without ${modules.join(', ')}: ${preload.why}`);
        await this.keep({ ...bare, key, preload }, entry);
      }
    });
  }

  private async import(preloading: Preloading, saving: Saving): Promise<void> {
    const started = performance.now();
    await saving.preload(preloading.modules);
    guard(!preloading.hasLost(), 'some of their files cannot be read');
    const took = ((performance.now() - started) / 1000).toFixed(2);
    this.tell(`${preloading.modules.join(', ')} imported for the snapshot in ${took} s`);
  }

  private async making(work: (entry: Entry) => Promise<void>): Promise<boolean> {
    try {
      await work(await this.own());
      return true;
    } catch (error) {
      this.tell(`no snapshot of this kernel is kept: ${wordsFor(error)}`);
      return false;
    }
  }

  private async keep(snapshot: Snapshot, entry: Entry): Promise<void> {
    const started = performance.now();
    const bytes = await encodeSnapshot(snapshot);
    await this.shelf.keep(entry, bytes);
    const took = ((performance.now() - started) / 1000).toFixed(2);
    const imported = snapshot.preload?.modules.length ? ` with ${snapshot.preload.modules.join(', ')}` : '';
    this.tell(`the next start takes a snapshot of this kernel${imported}: ${(bytes.length / 1e6).toFixed(1)} MB, kept in ${took} s`);
  }

  private async read(): Promise<Snapshot | null> {
    const entry = await this.own();
    const bytes = await this.shelf.take(entry);
    if (!bytes) {
      return null;
    }
    try {
      const snapshot = await decodeSnapshot(bytes);
      guard(snapshot.key.id === entry.key.id, 'it is one of another kernel');
      return snapshot;
    } catch (error) {
      await this.drop();
      throw error;
    }
  }

  private unusable(error: unknown): null {
    this.why = wordsFor(error);
    this.tell(`the kernel's snapshot is not used: ${this.why}`);
    return null;
  }

  private own(): Promise<Entry> {
    const { subject } = this;
    guard(subject !== null, 'nothing was started');
    this.entry ??= (async () => {
      const pack = await subject.pack();
      const parts = {
        ...subject.parts,
        format: String(FORMAT),
        runtime: LITE_ENV_RUNTIME,
        pack,
        features: wasmFeatures(),
      };
      return { place: subject.place, pack: `${pack} ${LITE_ENV_RUNTIME}`, key: await keyOf(parts) };
    })();
    return this.entry;
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
