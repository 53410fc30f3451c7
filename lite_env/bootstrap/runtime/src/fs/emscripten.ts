/** The parts of an Emscripten module's file system and linker that are touched; what a version may lack is optional. */

export interface FSNode {
  name: string;
  mode: number;
  parent: FSNode;
  timestamp: number;
  atime?: number;
  mtime?: number;
  ctime?: number;
  contents: Uint8Array | Record<string, FSNode> | null;
  usedBytes: number;
  link?: string;
  /** Of a folder: what is mounted on it. */
  mounted?: unknown;
  node_ops: NodeOps;
  stream_ops: StreamOps;
}

export interface FSStream {
  fd: number;
  path?: string;
  flags?: number;
  position?: number;
  /** Of a terminal: bytes of the line that is not ended yet. */
  tty?: { output?: number[] };
  node: FSNode;
  stream_ops: StreamOps;
}

export interface NodeOps {
  setattr(node: FSNode, attributes: { size?: number }): void;
  symlink?(parent: FSNode, name: string, target: string): FSNode;
}

export interface StreamOps {
  open?(stream: FSStream): void;
  close?(stream: FSStream): void;
  write?: StreamChange;
  allocate?: StreamChange;
  mmap?: StreamChange;
}

/** What changes a file, or lets a program change it later. */
export type StreamChange = (stream: FSStream, ...rest: never[]) => unknown;

export interface MemoryFS {
  /** Filled when the root is mounted. */
  ops_table: { file: { node: NodeOps; stream: StreamOps } };
  createNode(parent: FSNode, name: string, mode: number, device: number): FSNode;
}

export interface FileSystem {
  root: FSNode;
  streams?: (FSStream | null | undefined)[];
  filesystems: { MEMFS: MemoryFS };
  ErrnoError: new (errno: number) => Error;
  isDir(mode: number): boolean;
  isFile(mode: number): boolean;
  mkdir(path: string, mode?: number): unknown;
  closeStream(fd: number): void;
  mkdirTree(path: string): void;
  mount?(type: object, options: object, mountpoint: string): unknown;
  chdir?(path: string): void;
  lookupPath(path: string): { node: FSNode };
  readFile(path: string): Uint8Array;
  open?(path: string, flags: 'r'): FSStream;
  writeFile?(path: string, data: Uint8Array): void;
}

export interface LoadedLibrary {
  readonly refcount: number;
  /** The word "loading" until the library is loaded. */
  readonly exports?: object | 'loading';
}

/** What of a module a file system and a drive are built on. */
export interface FileSystemHost {
  FS: FileSystem;
  PATH?: object;
  ERRNO_CODES?: Record<string, number>;
}

/** What of a module loads shared libraries. */
export interface Linker {
  LDSO?: { loadedLibsByName: Record<string, LoadedLibrary> };
  loadDynamicLibrary?(path: string, flags: Record<string, unknown>): unknown;
}

/** Whether a module has a file system that can be filled. */
export function hasFileSystem<M extends Partial<FileSystemHost>>(module: M): module is M & FileSystemHost {
  return typeof module.FS === 'object' && module.FS !== null;
}
