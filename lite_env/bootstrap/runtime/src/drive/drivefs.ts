import { DriveFS } from '@jupyterlite/services/lib/contents/drivefs';
import type { IEmscriptenFSNode as Node } from '@jupyterlite/services/lib/contents/emscripten';
import { LiteContentsAPI, type Found, type Stat } from './api';
import { ERRNO, type DriveChannel, type DriveError } from './channel';
import { FILE_MODE } from './modes';
import { LiteNodeOps } from './nodes';
import { Recent } from './recent';
import { LiteStreamOps, type DriveFile, type DriveStream } from './streams';

export interface LiteDriveOptions extends DriveFS.IOptions {
  readonly channel: DriveChannel;
  onTrouble(error: DriveError | null): void;
}

/** A node as Emscripten's name table chains it. */
interface TableNode extends Node {
  name_next?: TableNode;
}

const BLOCK_SIZE = 4096;

/**
 * JupyterLite's DriveFS, with what programs expect of a file system: bytes as they are, errors by their names, one
 * contents for all who have a file open, mmap, and a host whose changes are seen.
 */
export class LiteDriveFS extends DriveFS {
  declare API: LiteContentsAPI;
  readonly recent = new Recent<Node>();
  /** Contents of the files that are open. */
  readonly files = new WeakMap<Node, DriveFile>();
  private step: 'create' | 'delete' | null = null;

  constructor(options: LiteDriveOptions) {
    super(options);
    this.node_ops = new LiteNodeOps(this);
    this.stream_ops = new LiteStreamOps(this);
  }

  override createAPI(options: DriveFS.IOptions): LiteContentsAPI {
    return new LiteContentsAPI(options as LiteDriveOptions);
  }

  override createNode(parent: Node | null, name: string, mode: number, device: number): Node {
    const known = parent && this.cached(parent, name);
    if (known) {
      this.drop(known);
    }
    return super.createNode(parent, name, mode, device);
  }

  failed(code: keyof typeof ERRNO): Error {
    return this.API.failed(code);
  }

  /** Forget a node, so that its name is looked up again. */
  drop(node: Node): void {
    this.FS['destroyNode']?.(node);
  }

  /** The node that Emscripten's name table holds under that name. */
  cached(parent: Node, name: string): Node | null {
    const { nameTable, hashName } = this.FS as unknown as {
      nameTable?: TableNode[];
      hashName?(parent: number, name: string): number;
    };
    let node = hashName && nameTable?.[hashName(parent.id, name)];
    while (node && !(node.parent.id === parent.id && node.name === name)) {
      node = node.name_next;
    }
    return node ?? null;
  }

  /** A stat for a file that was made or emptied by this call. */
  emptyStat(): Stat {
    const now = new Date();
    const times = { atime: now, mtime: now, ctime: now };
    return { dev: 1, nlink: 1, uid: 0, gid: 0, rdev: 0, size: 0, blksize: BLOCK_SIZE, blocks: 0, ...times };
  }

  /** Other streams of this file, duplicated descriptors among them, of which no `open` tells. */
  isOpenElsewhere(stream: DriveStream): boolean {
    const streams = this.FS['streams'] as (DriveStream | null)[];
    return streams.some(other => other && other !== stream && other.file === stream.file);
  }

  /**
   * Put a drive's names under its own care. Emscripten's name table keeps every node it has seen and never asks again,
   * so that a file which the host removed would be there for ever. Files are looked up anew at each use; folders on the
   * way to them are trusted, since what is asked of the drive next names the whole path.
   */
  watchNames(): void {
    const FS = this.FS as Record<string, any>;
    const { lookupNode, mayCreate, mayDelete, unlink, rename } = FS;
    if (typeof lookupNode !== 'function' || typeof FS['destroyNode'] !== 'function') {
      return; // A file system whose table is its own affair.
    }
    const original = (parent: Node, name: string) => lookupNode.call(FS, parent, name) as Node;
    FS['lookupNode'] = (parent: Node, name: string) =>
      parent.node_ops === this.node_ops ? this.lookupNode(parent, name, original) : original(parent, name);
    FS['mayCreate'] = (parent: Node, name: string) => this.during('create', () => mayCreate.call(FS, parent, name));
    FS['mayDelete'] = (parent: Node, name: string, isFolder: boolean) =>
      this.during('delete', () => mayDelete.call(FS, parent, name, isFolder));
    // A strict drive says by itself what cannot be removed or moved; another one removes folders with all they hold.
    const trusting = (run: () => unknown) => (this.API.isStrict ? this.during('delete', run) : run());
    FS['unlink'] = (path: string) => trusting(() => unlink.call(FS, path));
    FS['rename'] = (from: string, to: string) => trusting(() => rename.call(FS, from, to));
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

  private lookupNode(parent: Node, name: string, original: (parent: Node, name: string) => Node): Node {
    if (this.step === 'create' && this.API.isStrict) {
      throw this.failed('ENOENT'); // The drive itself refuses to make what is there.
    }
    const node = this.cached(parent, name);
    const listed = this.recent.takeListed(parent, name);
    if (listed !== undefined) {
      return this.listedNode(parent, name, node, listed);
    }
    if (!node) {
      return original(parent, name);
    }
    // Who asks whether a node may be deleted has looked it up a moment ago.
    const isTrusted = this.step === 'delete' || (this.FS['isDir'](node.mode) && this.step !== 'create');
    return isTrusted || this.recent.takeOpened(node) ? node : this.lookUpAgain(node);
  }

  /** Ask whether a node is still there, and what it is now. */
  lookUpAgain(node: Node): Node {
    const found = this.find(this.realPath(node));
    if (!found) {
      this.drop(node);
      throw this.failed('ENOENT');
    }
    if (found !== 'unreachable') {
      this.setType(node, found.mode);
      this.recent.lookedUp(node, found.stat);
    }
    return node;
  }

  /**
   * What is at a path. Emscripten takes every error of a lookup for `ENOENT`, and a program that is told so may write
   * the file anew: when the drive does not answer, the lookup lets it pass, and what follows fails with `EIO`.
   */
  find(path: string): Found | 'unreachable' | null {
    try {
      return this.API.find(path);
    } catch (error) {
      if ((error as { errno?: number }).errno !== ERRNO.EIO) {
        throw error;
      }
      return 'unreachable';
    }
  }

  /** A node for a name of which nothing is known; it is not remembered. */
  phantom(parent: Node, name: string): Node {
    const node = this.createNode(parent, name, FILE_MODE, 0);
    this.drop(node);
    return node;
  }

  /** A name of a listing that is being read: it was there, whatever has become of it since. */
  private listedNode(parent: Node, name: string, node: Node | null, mode: number | null): Node {
    if (node) {
      this.setType(node, mode ?? node.mode);
      return node;
    }
    const found = mode === null ? this.find(this.PATH.join2(this.realPath(parent), name)) : { mode };
    return found && found !== 'unreachable' ? this.createNode(parent, name, found.mode, 0) : this.phantom(parent, name);
  }

  /** The host may have put a folder in a file's place. */
  setType(node: Node, mode: number): void {
    if (this.FS['isDir'](mode) !== this.FS['isDir'](node.mode)) {
      node.mode = mode;
    }
  }
}
