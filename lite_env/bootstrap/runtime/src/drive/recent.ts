import type { Listed, Stat } from './api';

/** One call of a program is over within this, on slow machines too; the next one asks again. */
const SAME_CALL_MS = 100;
/** A listing is read on while the program looks at its names, one after the other. */
const LISTING_MS = 2000;
/** Python stats a file when it opens it, and once more when it reads the whole of it. */
const STATS_OF_OPEN = 2;

/**
 * What has just been learned and may serve the rest of the same call.
 *
 * A program's `stat` reaches a file system as lookup and getattr, its `open` as lookup, open and twice a stat, its
 * `listdir` as readdir and a lookup for every name. Each of these would ask the drive again. Nothing here outlives the
 * call: what the host changes is seen by the next one.
 */
export class Recent<Node extends object> {
  private seen: { node: Node; stat: Stat | null; lookups: number; stats: number; until: number } | null = null;
  private empty: { node: Node; until: number } | null = null;
  private listing: { folder: Node; names: Map<string, number | null>; until: number } | null = null;

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** The drive has said that the node is there. */
  lookedUp(node: Node, stat: Stat | null): void {
    this.seen = { node, stat, lookups: 0, stats: 1, until: this.now() + SAME_CALL_MS };
    this.empty = null; // Nothing is looked up between the making and the opening.
  }

  /** The node was opened; who opens a file looks it up again and stats it. */
  opened(node: Node, stat: Stat | null): void {
    this.seen = { node, stat, lookups: STATS_OF_OPEN, stats: STATS_OF_OPEN, until: this.now() + SAME_CALL_MS };
  }

  /** Whether the node was opened in this call and need not be looked up. */
  takeOpened(node: Node): boolean {
    const seen = this.current(node);
    if (!seen || seen.lookups === 0) {
      return false;
    }
    seen.lookups -= 1;
    return true;
  }

  /** Whether the drive has said in this call that the node is there. */
  isSeen(node: Node): boolean {
    return this.current(node) !== null;
  }

  /** The file was closed or written: what its opening has learned is not for the next one. */
  forget(): void {
    this.seen = null;
    this.empty = null;
  }

  takeStat(node: Node): Stat | null {
    const seen = this.current(node);
    if (!seen || (seen.stats -= 1) === 0) {
      this.seen = null;
    }
    return seen?.stat ?? null;
  }

  /** The file was made or truncated by this call: its opening need not fetch it. */
  emptied(node: Node): void {
    this.empty = { node, until: this.now() + SAME_CALL_MS };
  }

  takeEmptied(node: Node): boolean {
    const isEmpty = this.empty?.node === node && this.now() <= this.empty.until;
    this.empty = null;
    return isEmpty;
  }

  listed(folder: Node, entries: readonly Listed[]): void {
    const names = new Map(entries.map(({ name, mode }) => [name, mode]));
    this.listing = { folder, names, until: this.now() + LISTING_MS };
  }

  /** The type under which the folder's listing had the name, null when it had none; undefined when it is not listed. */
  takeListed(folder: Node, name: string): number | null | undefined {
    if (this.listing?.folder !== folder || this.now() > this.listing.until) {
      return undefined;
    }
    const mode = this.listing.names.get(name);
    this.listing.names.delete(name);
    return mode;
  }

  private current(node: Node) {
    return this.seen?.node === node && this.now() <= this.seen.until ? this.seen : null;
  }
}
