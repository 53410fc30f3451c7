import { ERRNO } from '../drive/channel';
import { S_IFDIR, S_IFREG } from '../drive/modes';
import { walk, type FileEntry, type FolderEntry } from '../pack/tree';
import { release } from '../release';
import type { FileSystem, FSNode, FSStream, NodeOps, StreamChange, StreamOps } from './emscripten';

/** 1980-01-01: one time for every start, and one that zip files can hold. */
const TIMESTAMP = 315_532_800_000;

/** What the linker reads once, whole, and never again. */
const LIBRARY = /\.so$/;
/** What Python reads once, or again soon: a module whose import failed is tried by the next one that wants it. */
const BYTECODE = /\.pyc$/;
const WAITING_BYTES = 8 * 1024 * 1024;

interface Pending {
  readonly entry: FileEntry;
  /** Prefix-relative. */
  readonly path: string;
  /** Whether it was opened before. */
  readonly again: boolean;
}

export interface LazyTreeOptions {
  /** Bytes of a file; a throw becomes `EIO` in the program that reads. */
  readFile(entry: FileEntry): Uint8Array;
  /** Told before a file's first bytes are there; the path is prefix-relative. */
  onFirstOpen?(path: string): void;
  /** Whether empty files, which need no contents, are told of too. */
  readonly watchEmpty?: boolean;
  /** Told when a read could not be served. */
  onError(error: unknown): void;
  /** How many bytes of bytecode that was read wait for being read again. */
  readonly waitingBytes?: number;
}

/**
 * Shows an index as ordinary MEMFS nodes whose contents come when they are first needed.
 *
 * A node has its size from the start. Two hooks fill it: `open` of its stream operations, and `setattr` of its node
 * operations when a size is set (`truncate`, `open('w')`). From then on the node is an ordinary one: mmap, append,
 * rename, unlink and all the rest are MEMFS's own. Compiled modules alone, which are read once, lose their bytes again
 * soon after they were closed for the first time, unless somebody has changed them.
 */
export class LazyTree {
  /** Files whose contents were needed. */
  filled = 0;
  private readonly pending = new WeakMap<FSNode, Pending>();
  /** Compiled modules that were opened once, and let go when they are not needed any more. */
  private readonly held = new WeakMap<FSNode, Pending>();
  /** Those of them that are closed, in the order in which they were. */
  private readonly closed = new Set<FSNode>();
  private closedBytes = 0;
  private readonly fs: FileSystem;
  private readonly nodeOps: NodeOps;
  private readonly streamOps: StreamOps;
  private readonly heldNodeOps: NodeOps;
  private readonly heldStreamOps: StreamOps;
  private readonly plainNodeOps: NodeOps;
  private readonly plainStreamOps: StreamOps;

  constructor(
    module: { readonly FS: FileSystem },
    private readonly options: LazyTreeOptions
  ) {
    this.fs = module.FS;
    const ordinary = this.fs.filesystems.MEMFS.ops_table.file;
    this.plainNodeOps = ordinary.node;
    this.plainStreamOps = ordinary.stream;
    this.nodeOps = { ...ordinary.node, setattr: (node, attributes) => this.setAttributes(node, attributes) };
    this.streamOps = { ...ordinary.stream, open: stream => this.openStream(stream) };
    this.heldNodeOps = { ...ordinary.node, setattr: (node, attributes) => this.setAttributes(node, attributes) };
    const changing = (change: StreamChange | undefined): StreamChange => (stream, ...rest) => {
      this.makeOrdinary(stream.node);
      return change?.call(ordinary.stream, stream, ...rest);
    };
    const { write, allocate, mmap } = ordinary.stream;
    this.heldStreamOps = {
      ...ordinary.stream,
      open: stream => this.openAgain(stream),
      close: stream => this.closeStream(stream),
      write: changing(write),
      allocate: changing(allocate),
      mmap: changing(mmap),
    };
  }

  /** Add every entry of `root` below the folder `prefix`, which is made if it is not there; files there are replaced. */
  mount(root: FolderEntry, prefix: string): void {
    if (prefix !== '/') {
      this.fs.mkdirTree(prefix);
    }
    const folders = new Map<string, FSNode>([['', this.fs.lookupPath(prefix).node]]);
    for (const [path, entry] of walk(root)) {
      const slash = path.lastIndexOf('/');
      const parent = folders.get(slash < 0 ? '' : path.slice(0, slash)) as FSNode;
      const name = path.slice(slash + 1);
      if (entry.kind === 'folder') {
        folders.set(path, this.folderNode(parent, name));
      } else if (entry.kind === 'link') {
        const link = parent.node_ops.symlink?.(parent, name, entry.target);
        if (link) {
          setTime(link);
        }
      } else {
        this.fileNode(parent, name, path, entry);
      }
    }
  }

  private folderNode(parent: FSNode, name: string): FSNode {
    const there = (parent.contents as Record<string, FSNode>)[name];
    if (there && this.fs.isDir(there.mode)) {
      return there;
    }
    const node = this.fs.filesystems.MEMFS.createNode(parent, name, S_IFDIR | 0o755, 0);
    setTime(node);
    return node;
  }

  private fileNode(parent: FSNode, name: string, path: string, entry: FileEntry): void {
    const mode = S_IFREG | (entry.executable ? 0o755 : 0o644);
    const node = this.fs.filesystems.MEMFS.createNode(parent, name, mode, 0);
    setTime(node);
    if (entry.size > 0 || this.options.watchEmpty) {
      node.usedBytes = entry.size;
      node.node_ops = this.nodeOps;
      node.stream_ops = this.streamOps;
      this.pending.set(node, { entry, path, again: false });
    }
  }

  private openStream(stream: FSStream): void {
    try {
      this.fill(stream.node);
    } catch (error) {
      this.fs.closeStream(stream.fd);
      throw error;
    }
    stream.stream_ops = stream.node.stream_ops;
  }

  private setAttributes(node: FSNode, attributes: { size?: number }): void {
    if (attributes.size !== undefined) {
      if (attributes.size > 0) {
        this.fill(node);
      }
      // Of one of no size nothing of the old contents can be seen any more: no request for them.
      this.makeOrdinary(node);
    }
    this.plainNodeOps.setattr(node, attributes);
  }

  private fill(node: FSNode): void {
    const pending = this.pending.get(node);
    if (!pending) {
      return;
    }
    try {
      if (!pending.again) {
        this.options.onFirstOpen?.(pending.path);
      }
      node.contents = this.options.readFile(pending.entry);
    } catch (error) {
      this.options.onError(error);
      throw new this.fs.ErrnoError(ERRNO.EIO);
    }
    this.filled += 1;
    this.makeOrdinary(node);
    if (!pending.again && (LIBRARY.test(pending.path) || BYTECODE.test(pending.path))) {
      this.held.set(node, pending);
      node.node_ops = this.heldNodeOps;
      node.stream_ops = this.heldStreamOps;
    }
  }

  /** What is read a second time may be read a third time: it stays. */
  private openAgain(stream: FSStream): void {
    if (this.closed.has(stream.node)) {
      this.makeOrdinary(stream.node);
      stream.stream_ops = stream.node.stream_ops;
    }
  }

  private closeStream(stream: FSStream): void {
    const { node } = stream;
    const held = this.held.get(node);
    const { streams } = this.fs;
    if (!held || !streams || streams.some(other => other && other !== stream && other.node === node)) {
      return;
    }
    this.closed.add(node);
    this.closedBytes += node.usedBytes;
    if (LIBRARY.test(held.path)) {
      this.letGo(node, held);
    }
    for (const oldest of this.closed) {
      if (this.closedBytes <= (this.options.waitingBytes ?? WAITING_BYTES)) {
        break;
      }
      this.letGo(oldest, this.held.get(oldest) as Pending);
    }
  }

  /** Drop a file's bytes: nobody has changed them, and they come again if they are opened again. */
  private letGo(node: FSNode, held: Pending): void {
    const contents = node.contents as Uint8Array;
    this.makeOrdinary(node);
    node.contents = null;
    node.node_ops = this.nodeOps;
    node.stream_ops = this.streamOps;
    this.pending.set(node, { ...held, again: true });
    release(contents);
  }

  private makeOrdinary(node: FSNode): void {
    this.pending.delete(node);
    this.held.delete(node);
    if (this.closed.delete(node)) {
      this.closedBytes -= node.usedBytes;
    }
    node.node_ops = this.plainNodeOps;
    node.stream_ops = this.plainStreamOps;
  }
}

/** Whether nobody has written to what a tree shows. */
export function isUntouched(node: FSNode): boolean {
  return node.timestamp === TIMESTAMP && node.mtime === TIMESTAMP;
}

/** Emscripten kept one time a node until 4.0, and three since. */
function setTime(node: FSNode): void {
  node.timestamp = node.atime = node.mtime = node.ctime = TIMESTAMP;
}
