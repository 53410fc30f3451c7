import { BootError } from '../errors';
import { release } from '../release';
import type { Source } from '../io/source';
import type { Zstd } from '../io/zstd';
import type { ArchiveInfo } from './manifest';
import type { FileEntry } from './tree';

/** How many inflated bytes are kept for the next file of the same archive. */
const KEPT_BYTES = 96 * 1024 * 1024;

/** The pack's archives: fetched ahead or at the moment a file is opened, inflated, and let go again. */
export class ArchiveStore {
  /** Checked compressed bytes that were fetched ahead and not opened yet. */
  private readonly fetched = new Map<number, Uint8Array>();
  /** Inflated archives, the least recently used first. */
  private readonly inflated = new Map<number, Uint8Array>();
  private inflatedBytes = 0;
  /** How many files of each archive were not read yet. */
  private readonly unread = new Map<number, number>();
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

  /** Learn how many files there are; each is read once, and an archive is let go with the last of its files. */
  expect(held: ReadonlyMap<number, number>): void {
    held.forEach((files, position) => this.unread.set(position, files));
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

  /** The bytes of a file, a copy of their own: an archive is never pinned by one of its files. */
  readFile(entry: FileEntry): Uint8Array {
    if (entry.size === 0) {
      return new Uint8Array(0);
    }
    const data = this.inflate(entry.archive).slice(entry.offset, entry.offset + entry.size);
    const unread = (this.unread.get(entry.archive) ?? Infinity) - 1;
    this.unread.set(entry.archive, unread);
    if (unread <= 0) {
      this.letGo(entry.archive);
    }
    return data;
  }

  private inflate(position: number): Uint8Array {
    const kept = this.inflated.get(position);
    if (kept) {
      this.inflated.delete(position);
      this.inflated.set(position, kept);
      return kept;
    }
    const info = this.info(position);
    const raw = this.zstd.decode(this.fetched.get(position) ?? this.source.readSync(info), info.rawSize, info.path);
    this.fetched.delete(position);
    this.opened.add(position);
    this.keep(position, raw);
    return raw;
  }

  private keep(position: number, raw: Uint8Array): void {
    this.inflated.set(position, raw);
    this.inflatedBytes += raw.length;
    for (const oldest of this.inflated.keys()) {
      if (this.inflatedBytes <= this.keptBytes || oldest === position) {
        break;
      }
      this.letGo(oldest);
    }
  }

  private letGo(position: number): void {
    const raw = this.inflated.get(position);
    if (raw) {
      this.inflatedBytes -= raw.length;
      this.inflated.delete(position);
      release(raw);
    }
  }

  private info(position: number): ArchiveInfo {
    const info = this.archives[position];
    if (!info) {
      throw new BootError('ManifestInvalid', `the index names archive ${position} of ${this.archives.length}`);
    }
    return info;
  }
}
