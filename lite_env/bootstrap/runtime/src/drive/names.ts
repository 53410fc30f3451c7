import type { IEmscriptenFSNode as Node } from '@jupyterlite/services/lib/contents/emscripten';
import type { Found } from './api';
import { ERRNO } from './channel';
import { FILE_MODE } from './modes';
import type { DriveView } from './view';

/** A node as Emscripten's name table chains it. */
interface TableNode extends Node {
  name_next?: TableNode;
}

const O_EXCL = 0o200;
const O_TRUNC = 0o1000;

/** How a program opens the file that Emscripten is about to make: another kernel may have made it meanwhile. */
export interface Opening {
  readonly isExclusive: boolean;
  readonly truncates: boolean;
}

/**
 * A drive's names, under its own care. Emscripten's name table keeps every node it has seen and never asks again, so
 * that a file which the host removed would be there for ever. Files are looked up anew at each use; folders on the way
 * to them are trusted, since what is asked of the drive next names the whole path.
 */
export class Names {
  /** The `open` under way; null outside of one. */
  opening: Opening | null = null;
  private step: 'create' | 'delete' | null = null;

  constructor(private readonly drive: DriveView) {}

  /** Take the file system's lookups below the drive over. */
  watch(): void {
    const FS = this.drive.FS as Record<string, any>;
    const { lookupNode, mayCreate, mayDelete, unlink, rename, open } = FS;
    if (typeof lookupNode !== 'function' || typeof FS['destroyNode'] !== 'function') {
      return; // A file system whose table is its own affair.
    }
    const original = (parent: Node, name: string) => lookupNode.call(FS, parent, name) as Node;
    FS['lookupNode'] = (parent: Node, name: string) =>
      parent.node_ops === this.drive.node_ops ? this.lookupNode(parent, name, original) : original(parent, name);
    FS['mayCreate'] = (parent: Node, name: string) => this.during('create', () => mayCreate.call(FS, parent, name));
    FS['mayDelete'] = (parent: Node, name: string, isFolder: boolean) =>
      this.during('delete', () => mayDelete.call(FS, parent, name, isFolder));
    // A strict drive says by itself what cannot be removed or moved; another one removes folders with all they hold.
    const trusting = (run: () => unknown) => (this.drive.API.isStrict ? this.during('delete', run) : run());
    FS['unlink'] = (path: string) => trusting(() => unlink.call(FS, path));
    FS['rename'] = (from: string, to: string) => trusting(() => rename.call(FS, from, to));
    FS['open'] = (path: string, flags: unknown, ...more: unknown[]) =>
      this.whileOpening(flags, () => open.call(FS, path, flags, ...more));
  }

  /** Forget a node, so that its name is looked up again. */
  drop(node: Node): void {
    this.drive.FS['destroyNode']?.(node);
  }

  /** The node that Emscripten's name table holds under that name. */
  cached(parent: Node, name: string): Node | null {
    const { nameTable, hashName } = this.drive.FS as unknown as {
      nameTable?: TableNode[];
      hashName?(parent: number, name: string): number;
    };
    let node = hashName && nameTable?.[hashName(parent.id, name)];
    while (node && !(node.parent.id === parent.id && node.name === name)) {
      node = node.name_next;
    }
    return node ?? null;
  }

  /** Ask whether a node is still there, and what it is now. */
  lookUpAgain(node: Node): Node {
    const { drive } = this;
    const found = this.find(drive.realPath(node));
    if (!found) {
      this.drop(node);
      throw drive.failed('ENOENT');
    }
    if (found !== 'unreachable') {
      this.setType(node, found.mode);
      drive.recent.lookedUp(node, found.stat);
    }
    return node;
  }

  /**
   * What is at a path. Emscripten takes every error of a lookup for `ENOENT`, and a program that is told so may write
   * the file anew: when the drive does not answer, the lookup lets it pass, and what follows fails with `EIO`.
   */
  find(path: string): Found | 'unreachable' | null {
    try {
      return this.drive.API.find(path);
    } catch (error) {
      if ((error as { errno?: number }).errno !== ERRNO.EIO) {
        throw error;
      }
      return 'unreachable';
    }
  }

  /** A node for a name of which nothing is known; it is not remembered. */
  phantom(parent: Node, name: string): Node {
    const node = this.drive.createNode(parent, name, FILE_MODE, 0);
    this.drop(node);
    return node;
  }

  /** The host may have put a folder in a file's place. */
  private setType(node: Node, mode: number): void {
    const { FS } = this.drive;
    if (FS['isDir'](mode) !== FS['isDir'](node.mode)) {
      node.mode = mode;
    }
  }

  private during<T>(step: 'create' | 'delete', run: () => T): T {
    const before = this.step;
    this.step = step;
    try {
      return run();
    } finally {
      this.step = before;
    }
  }

  private whileOpening<T>(flags: unknown, run: () => T): T {
    const before = this.opening;
    this.opening = openingOf(flags);
    try {
      return run();
    } finally {
      this.opening = before;
    }
  }

  private lookupNode(parent: Node, name: string, original: (parent: Node, name: string) => Node): Node {
    const { drive } = this;
    if (this.step === 'create' && drive.API.isStrict) {
      throw drive.failed('ENOENT'); // The drive itself refuses to make what is there.
    }
    const node = this.cached(parent, name);
    const listed = drive.recent.takeListed(parent, name);
    if (listed !== undefined) {
      return this.listedNode(parent, name, node, listed);
    }
    if (!node) {
      return original(parent, name);
    }
    // Who asks whether a node may be deleted has looked it up a moment ago.
    const isTrusted = this.step === 'delete' || (drive.FS['isDir'](node.mode) && this.step !== 'create');
    return isTrusted || drive.recent.takeOpened(node) ? node : this.lookUpAgain(node);
  }

  /** A name of a listing that is being read: it was there, whatever has become of it since. */
  private listedNode(parent: Node, name: string, node: Node | null, mode: number | null): Node {
    const { drive } = this;
    if (node) {
      this.setType(node, mode ?? node.mode);
      return node;
    }
    const found = mode === null ? this.find(drive.PATH.join2(drive.realPath(parent), name)) : { mode };
    return found && found !== 'unreachable'
      ? drive.createNode(parent, name, found.mode, 0)
      : this.phantom(parent, name);
  }
}

/** By the flags of `open`, or the letters that JavaScript's callers give. */
function openingOf(flags: unknown): Opening {
  if (typeof flags === 'string') {
    return { isExclusive: flags.includes('x'), truncates: flags.startsWith('w') };
  }
  const bits = Number(flags);
  return { isExclusive: (bits & O_EXCL) !== 0, truncates: (bits & O_TRUNC) !== 0 };
}
