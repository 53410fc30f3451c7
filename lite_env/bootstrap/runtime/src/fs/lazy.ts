import { ERRNO } from '../drive/channel';
import { S_IFDIR, S_IFREG } from '../drive/modes';
import { walk, type FileEntry, type FolderEntry } from '../pack/tree';
import type { FileSystem, FSNode, FSStream, NodeOps, StreamOps } from './emscripten';

/** 1980-01-01: one time for every start, and one that zip files can hold. */
const TIMESTAMP = 315_532_800_000;

export interface LazyTreeOptions {
  /** Bytes of a file; a throw becomes `EIO` in the program that reads. */
  readFile(entry: FileEntry): Uint8Array;
  /** Told before a file's first bytes are there; the path is prefix-relative. */
  onFirstOpen?(path: string): void;
  /** Whether empty files, which need no contents, are told of too. */
  readonly watchEmpty?: boolean;
  /** Told when a read could not be served. */
  onError(error: unknown): void;
}

/**
 * Shows an index as ordinary MEMFS nodes whose contents come when they are first needed.
 *
 * A node has its size from the start. Two hooks fill it: `open` of its stream operations, and `setattr` of its node
 * operations when a size is set (`truncate`, `open('w')`). From then on the node is an ordinary one: mmap, append,
 * rename, unlink and all the rest are MEMFS's own.
 */
export class LazyTree {
  /** Files whose contents were needed. */
  filled = 0;
  private readonly pending = new WeakMap<FSNode, { entry: FileEntry; path: string }>();
  private readonly fs: FileSystem;
  private readonly nodeOps: NodeOps;
  private readonly streamOps: StreamOps;
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
      this.pending.set(node, { entry, path });
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
    if (attributes.size === 0) {
      // Nothing of the old contents can be seen any more: no request for them.
      this.makeOrdinary(node);
    } else if (attributes.size !== undefined) {
      this.fill(node);
    }
    this.plainNodeOps.setattr(node, attributes);
  }

  private fill(node: FSNode): void {
    const pending = this.pending.get(node);
    if (!pending) {
      return;
    }
    try {
      this.options.onFirstOpen?.(pending.path);
      node.contents = this.options.readFile(pending.entry);
    } catch (error) {
      this.options.onError(error);
      throw new this.fs.ErrnoError(ERRNO.EIO);
    }
    this.filled += 1;
    this.makeOrdinary(node);
  }

  private makeOrdinary(node: FSNode): void {
    this.pending.delete(node);
    node.node_ops = this.plainNodeOps;
    node.stream_ops = this.plainStreamOps;
  }
}

/** Emscripten kept one time a node until 4.0, and three since. */
function setTime(node: FSNode): void {
  node.timestamp = node.atime = node.mtime = node.ctime = TIMESTAMP;
}
