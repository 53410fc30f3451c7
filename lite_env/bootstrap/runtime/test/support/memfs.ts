/**
 * A small Emscripten file system, written from its documented behaviour: MEMFS nodes with node and stream operations,
 * `FS.open` that truncates through `setattr` before it makes the stream and calls the stream's `open` after it.
 */
import type { FileSystem, FSNode, FSStream, NodeOps, StreamOps } from '../../src/fs/emscripten';

const S_IFMT = 0o170000;
const S_IFDIR = 0o040000;
const S_IFREG = 0o100000;
const S_IFLNK = 0o120000;
const O_TRUNC = 0o1000;

export const ENOENT = 44;
export const EIO = 29;
const EISDIR = 31;
const EEXIST = 20;

interface Attributes {
  size?: number;
  mode?: number;
  timestamp?: number;
}

interface PlainStreamOps extends StreamOps {
  read(stream: FSStream, length: number, position: number): Uint8Array;
  write: (stream: FSStream, data: Uint8Array, position: number) => void;
}

export class ErrnoError extends Error {
  constructor(readonly errno: number) {
    super(`FS error ${errno}`);
    this.name = 'ErrnoError';
  }
}

/** The file system and the module it belongs to. */
export class MemoryFileSystem implements FileSystem {
  readonly ErrnoError = ErrnoError;
  readonly streams: (FSStream | null)[] = [];
  readonly root: FSNode;
  readonly filesystems: FileSystem['filesystems'];
  private readonly fileNodeOps: NodeOps = { setattr: (node, attributes) => this.setattr(node, attributes) };
  private readonly folderNodeOps: NodeOps = {
    setattr: (node, attributes) => this.setattr(node, attributes),
    symlink: (parent, name, target) => {
      const node = this.createNode(parent, name, S_IFLNK | 0o777);
      node.link = target;
      return node;
    },
  };
  private readonly fileStreamOps: PlainStreamOps = {
    read: ({ node }, length, position) => bytesOf(node).subarray(position, position + length),
    write: ({ node }, data, position) => {
      const grown = new Uint8Array(Math.max(node.usedBytes, position + data.length));
      grown.set(bytesOf(node));
      grown.set(data, position);
      node.contents = grown;
      node.usedBytes = grown.length;
    },
  };

  constructor() {
    this.filesystems = {
      MEMFS: {
        ops_table: { file: { node: this.fileNodeOps, stream: this.fileStreamOps } },
        createNode: (parent, name, mode) => this.createNode(parent, name, mode),
      },
    };
    this.root = this.createNode(null, '/', S_IFDIR | 0o777);
  }

  get module(): { FS: MemoryFileSystem } {
    return { FS: this };
  }

  isFile(mode: number): boolean {
    return (mode & 0o170000) === 0o100000;
  }

  isDir(mode: number): boolean {
    return (mode & S_IFMT) === S_IFDIR;
  }

  lookupPath(path: string, follow = true): { node: FSNode } {
    let node = this.root;
    for (const part of path.split('/').filter(part => part !== '')) {
      const next = entriesOf(node)[part];
      if (!next) {
        throw new ErrnoError(ENOENT);
      }
      node = next;
      if (follow && node.link !== undefined) {
        node = this.lookupPath(node.link.startsWith('/') ? node.link : this.join(node.parent, node.link)).node;
      }
    }
    return { node };
  }

  mkdir(path: string): void {
    const { parent, name } = this.split(path);
    if (entriesOf(parent)[name]) {
      throw new ErrnoError(EEXIST);
    }
    this.createNode(parent, name, S_IFDIR | 0o777);
  }

  mkdirTree(path: string): void {
    const parts = path.split('/').filter(part => part !== '');
    parts.forEach((_, position) => {
      const folder = `/${parts.slice(0, position + 1).join('/')}`;
      if (!this.exists(folder)) {
        this.mkdir(folder);
      }
    });
  }

  exists(path: string): boolean {
    try {
      this.lookupPath(path);
      return true;
    } catch {
      return false;
    }
  }

  open(path: string, flags: 'r' | 'r+' | 'w' | 'a' = 'r'): FSStream {
    const { node } =
      this.exists(path) || flags === 'r' || flags === 'r+' ? this.lookupPath(path) : { node: this.create(path) };
    if (this.isDir(node.mode)) {
      throw new ErrnoError(EISDIR);
    }
    if ((flags === 'w' ? O_TRUNC : 0) !== 0) {
      this.truncate(path, 0);
    }
    const access = { r: 0, 'r+': 2, w: 1, a: 1 }[flags];
    const opened = { path, flags: access, position: 0 };
    const free = this.streams.indexOf(null);
    const fd = free < 0 ? this.streams.length : free;
    const stream: FSStream = { fd, ...opened, node, stream_ops: node.stream_ops };
    this.streams[fd] = stream;
    stream.stream_ops.open?.(stream);
    return stream;
  }

  /** As Emscripten's, which leaves the time of the writing. */
  writeFile(path: string, data: Uint8Array): void {
    const stream = this.open(path, 'w');
    (stream.stream_ops as PlainStreamOps).write(stream, data, 0);
    stream.node.timestamp = Date.now();
    this.close(stream);
  }

  close(stream: FSStream): void {
    stream.stream_ops.close?.(stream);
    this.closeStream(stream.fd);
  }

  /** Another descriptor of an open file, as `dup` makes it. */
  duplicate(stream: FSStream): FSStream {
    const other = { ...stream, fd: this.streams.length };
    this.streams.push(other);
    return other;
  }

  closeStream(fd: number): void {
    this.streams[fd] = null;
  }

  get openStreams(): number {
    return this.streams.filter(stream => stream !== null).length;
  }

  read(stream: FSStream, length = stream.node.usedBytes, position = 0): Uint8Array {
    return (stream.stream_ops as PlainStreamOps).read(stream, length, position);
  }

  write(stream: FSStream, data: Uint8Array, position = 0): void {
    (stream.stream_ops as PlainStreamOps).write(stream, data, position);
  }

  readFile(path: string): Uint8Array {
    const stream = this.open(path);
    const data = this.read(stream).slice();
    this.close(stream);
    return data;
  }

  truncate(path: string, size: number): void {
    const { node } = this.lookupPath(path);
    node.node_ops.setattr(node, { size });
  }

  chmod(path: string, mode: number): void {
    const { node } = this.lookupPath(path);
    node.node_ops.setattr(node, { mode: (node.mode & S_IFMT) | mode } as Attributes);
  }

  utime(path: string, timestamp: number): void {
    const { node } = this.lookupPath(path);
    node.node_ops.setattr(node, { timestamp } as Attributes);
  }

  rename(from: string, to: string): void {
    const { node } = this.lookupPath(from);
    const target = this.split(to);
    delete entriesOf(node.parent)[node.name];
    node.name = target.name;
    node.parent = target.parent;
    entriesOf(target.parent)[target.name] = node;
  }

  unlink(path: string): void {
    const { node } = this.lookupPath(path, false);
    delete entriesOf(node.parent)[node.name];
  }

  readlink(path: string): string | undefined {
    return this.lookupPath(path, false).node.link;
  }

  readdir(path: string): string[] {
    return Object.keys(entriesOf(this.lookupPath(path).node));
  }

  private create(path: string): FSNode {
    const { parent, name } = this.split(path);
    return this.createNode(parent, name, S_IFREG | 0o666);
  }

  private createNode(parent: FSNode | null, name: string, mode: number): FSNode {
    const isFile = (mode & S_IFMT) === S_IFREG;
    const node: FSNode = {
      name,
      mode,
      parent: parent as FSNode,
      timestamp: Date.now(),
      contents: this.isDir(mode) ? {} : null,
      usedBytes: 0,
      node_ops: isFile ? this.fileNodeOps : this.folderNodeOps,
      stream_ops: isFile ? this.fileStreamOps : {},
    };
    node.parent ??= node;
    if (parent) {
      entriesOf(parent)[name] = node;
    }
    return node;
  }

  private setattr(node: FSNode, { size, mode, timestamp }: Attributes): void {
    node.mode = mode ?? node.mode;
    node.timestamp = timestamp ?? node.timestamp;
    if (size !== undefined && size !== node.usedBytes) {
      const resized = new Uint8Array(size);
      resized.set(bytesOf(node).subarray(0, size));
      node.contents = size === 0 ? null : resized;
      node.usedBytes = size;
    }
  }

  private split(path: string): { parent: FSNode; name: string } {
    const slash = path.lastIndexOf('/');
    return { parent: this.lookupPath(path.slice(0, slash) || '/').node, name: path.slice(slash + 1) };
  }

  private join(folder: FSNode, relative: string): string {
    const above = folder === this.root ? '' : this.join(folder.parent, folder.name);
    return `${above}/${relative}`;
  }
}

function bytesOf(node: FSNode): Uint8Array {
  return node.contents instanceof Uint8Array ? node.contents.subarray(0, node.usedBytes) : new Uint8Array(0);
}

function entriesOf(node: FSNode): Record<string, FSNode> {
  return node.contents as Record<string, FSNode>;
}
