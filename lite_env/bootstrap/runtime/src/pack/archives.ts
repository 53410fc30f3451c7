import { BootError } from '../errors';
import { release } from '../release';
import type { Source } from '../io/source';
import type { Zstd } from '../io/zstd';
import type { ArchiveInfo } from './manifest';
import type { FileEntry } from './tree';

/** How many inflated bytes of files that nobody has opened yet are kept. */
const KEPT_BYTES = 96 * 1024 * 1024;

/** An inflated archive: its files that were not read yet, by their offsets. */
type Inflated = Map<number, Uint8Array>;

/** The pack's archives: fetched ahead or at the moment a file is opened, inflated, and let go file by file. */
export class ArchiveStore {
  /** Checked compressed bytes that were fetched ahead and not opened yet. */
  private readonly fetched = new Map<number, Uint8Array>();
  /** Inflated archives, the least recently used first. */
  private readonly inflated = new Map<number, Inflated>();
  private inflatedBytes = 0;
  /** The files of each archive. */
  private held: ReadonlyMap<number, readonly FileEntry[]> = new Map();
  /** Those of archives that were wanted which were not read yet, by their offsets. */
  private readonly unread = new Map<number, Map<number, FileEntry>>();
  /** Archives that were inflated once: what is still wanted of them is read when it is opened. */
  private readonly opened = new Set<number>();

  constructor(
    private readonly archives: readonly ArchiveInfo[],
    private readonly source: Source,
    private readonly zstd: Zstd,
    private readonly keptBytes = KEPT_BYTES
  ) {}

  /** Fetch the archives at these positions, in parallel. */
  async fetchAll(positions: readonly number[]): Promise<void> {
    await Promise.all(positions.map(position => this.fetchAhead(position)));
  }

  /** Tell who shows progress of archives that are not asked for yet. */
  announce(positions: readonly number[]): void {
    positions.forEach(position => this.source.announce(this.info(position), 'archive'));
  }

  /** Learn which files there are: when an archive is inflated, each of them gets a place of its own. */
  expect(held: ReadonlyMap<number, readonly FileEntry[]>): void {
    this.held = held;
  }

  /** Fetch an archive without blocking, so that its first file opens without a request. */
  async fetchAhead(position: number): Promise<void> {
    if (this.fetched.has(position) || this.opened.has(position)) {
      return;
    }
    const data = await this.source.read(this.info(position), 'archive');
    // A blocking read may have been faster: nobody would ask for these bytes any more.
    if (!this.opened.has(position)) {
      this.fetched.set(position, data);
    }
  }

  /**
   * Have archives in the caches from which they are read when they are opened, one after the other, and hold none of
   * them. The first that fails ends it.
   */
  async prefetch(positions: readonly number[], idle: () => Promise<void>): Promise<void> {
    for (const position of positions) {
      await idle();
      if (!this.fetched.has(position) && !this.opened.has(position)) {
        await this.source.read(this.info(position), 'archive');
      }
    }
  }

  /** The bytes of a file, which are the caller's alone. */
  readFile(entry: FileEntry): Uint8Array {
    if (entry.size === 0) {
      return new Uint8Array(0);
    }
    const { archive, offset } = entry;
    const unread = this.unreadOf(archive);
    if (unread.get(offset) !== entry) {
      // It was read before, and let go since.
      const [data] = this.decode(archive, [entry]);
      return data as Uint8Array;
    }
    const files = this.inflated.get(archive) ?? this.inflate(archive, [...unread.values()]);
    const data = files.get(offset) as Uint8Array;
    unread.delete(offset);
    files.delete(offset);
    this.inflatedBytes -= data.length;
    this.inflated.delete(archive);
    if (files.size > 0) {
      this.inflated.set(archive, files);
    }
    this.letGoBeyondBound(archive);
    return data;
  }

  /**
   * Files that are wanted while nothing else of their archives is: these stay as they were fetched. `use` gets each as
   * soon as it was read.
   */
  async readAlone(files: readonly FileEntry[], use: (file: FileEntry, bytes: Uint8Array) => void): Promise<void> {
    const positions = [...new Set(files.map(({ archive }) => archive))];
    await this.fetchAll(positions);
    for (const position of positions) {
      const info = this.info(position);
      const wanted = [...new Set(files)].filter(({ archive }) => archive === position).sort((one, other) => one.offset - other.offset);
      const data = this.fetched.get(position) ?? (await this.source.read(info, 'archive'));
      const parts = this.zstd.decodeParts(data, info.rawSize, info.path, wanted);
      wanted.forEach((file, index) => use(file, parts[index] as Uint8Array));
    }
  }

  private unreadOf(position: number): Map<number, FileEntry> {
    let unread = this.unread.get(position);
    if (!unread) {
      const sorted = [...(this.held.get(position) ?? [])].sort((one, other) => one.offset - other.offset);
      unread = new Map(sorted.map(file => [file.offset, file]));
      this.unread.set(position, unread);
    }
    return unread;
  }

  private inflate(position: number, wanted: readonly FileEntry[]): Inflated {
    const parts = this.decode(position, wanted);
    const files = new Map(wanted.map(({ offset }, index) => [offset, parts[index] as Uint8Array]));
    this.inflated.set(position, files);
    this.inflatedBytes += parts.reduce((sum, { length }) => sum + length, 0);
    return files;
  }

  /** A file that was given away does not count: a library may be larger than all that is kept. */
  private letGoBeyondBound(last: number): void {
    for (const oldest of this.inflated.keys()) {
      if (this.inflatedBytes <= this.keptBytes || oldest === last) {
        break;
      }
      this.letGo(oldest);
    }
  }

  private decode(position: number, wanted: readonly FileEntry[]): Uint8Array[] {
    const info = this.info(position);
    const data = this.fetched.get(position) ?? this.source.readSync(info);
    const parts = this.zstd.decodeParts(data, info.rawSize, info.path, wanted);
    this.fetched.delete(position);
    this.opened.add(position);
    return parts;
  }

  private letGo(position: number): void {
    this.inflated.get(position)?.forEach(file => {
      this.inflatedBytes -= file.length;
      release(file);
    });
    this.inflated.delete(position);
  }

  private info(position: number): ArchiveInfo {
    const info = this.archives[position];
    if (!info) {
      throw new BootError('ManifestInvalid', `the index names archive ${position} of ${this.archives.length}`);
    }
    return info;
  }
}
