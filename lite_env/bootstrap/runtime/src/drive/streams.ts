import { DriveFSEmscriptenStreamOps } from '@jupyterlite/services/lib/contents/drivefs';
import type { IEmscriptenFSNode as Node } from '@jupyterlite/services/lib/contents/emscripten';
import { ERRNO } from './channel';
import { resize } from './file';
import type { DriveStream, DriveView } from './view';

const O_CREAT = 0o100;
const MAP_PRIVATE = 2;

/** The part of MEMFS that gives memory for a mapping. */
interface MemoryStreamOps {
  mmap?(stream: unknown, length: number, position: number, protection: number, flags: number): MemoryMap;
}
interface MemoryMap {
  ptr: number;
  allocated: boolean;
}

/** What programs do with open files. */
export class LiteStreamOps extends DriveFSEmscriptenStreamOps {
  constructor(private readonly drive: DriveView) {
    super(drive);
  }

  override open(stream: DriveStream): void {
    const { drive } = this;
    const { node } = stream;
    if (!drive.FS['isFile'](node.mode)) {
      return;
    }
    const stat = drive.recent.takeStat(node);
    const known = drive.files.get(node);
    try {
      if (known?.isDirty) {
        stream.file = known; // Those who write and those who read see the same, before it is written back.
        drive.recent.opened(node, stat);
        return;
      }
      const isEmpty = drive.recent.takeEmptied(node);
      const data = isEmpty ? new Uint8Array(0) : this.fetch(stream);
      stream.file = known ?? { data, format: 'base64', isDirty: false, isDetached: false };
      stream.file.data = data;
      drive.files.set(stream.node, stream.file);
      drive.recent.opened(stream.node, isEmpty ? drive.emptyStat() : stat && { ...stat, size: data.length });
    } catch (error) {
      drive.FS['closeStream'](stream.fd); // Emscripten has given it a number already.
      throw error;
    }
  }

  override read(stream: DriveStream, buffer: Uint8Array, offset: number, length: number, position: number): number {
    if (!stream.file) {
      this.open(stream); // It was opened as the folder that it was before the host put a file in its place.
    }
    return super.read(stream, buffer, offset, length, position);
  }

  override close(stream: DriveStream): void {
    const { file, node } = stream;
    this.drive.recent.forget();
    if (!file) {
      return;
    }
    try {
      this.flush(stream);
    } finally {
      if (!this.drive.isOpenElsewhere(stream)) {
        this.drive.files.delete(node);
      }
      delete stream.file;
    }
  }

  fsync(stream: DriveStream): number {
    this.flush(stream);
    return 0;
  }

  override write(
    stream: DriveStream,
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number
  ): number {
    const { file } = stream;
    if (length <= 0 || !file) {
      return 0;
    }
    if (position + length > file.data.length) {
      resize(file, position + length);
    }
    file.data.set(buffer.subarray(offset, offset + length), position);
    file.isDirty = true;
    return length;
  }

  allocate(stream: DriveStream, offset: number, length: number): void {
    const { file } = stream;
    if (file && offset + length > file.data.length) {
      resize(file, offset + length);
      file.isDirty = true;
    }
  }

  /** A copy in the kernel's memory; MEMFS knows how to get some. */
  mmap(stream: DriveStream, length: number, position: number, protection: number, flags: number): MemoryMap {
    const FS = this.drive.FS as Record<string, any>;
    const memory = FS['filesystems']?.MEMFS?.ops_table?.file?.stream as MemoryStreamOps | undefined;
    if (!memory?.mmap || !stream.file) {
      throw this.drive.failed('ENODEV');
    }
    const contents = stream.file.data.slice();
    const copy = { node: { mode: stream.node.mode, contents, usedBytes: contents.length } };
    return memory.mmap(copy, length, position, protection, flags);
  }

  /** What was written into a shared mapping becomes the file's; the mapping may be longer than the file. */
  msync(stream: DriveStream, buffer: Uint8Array, offset: number, length: number, flags: number): number {
    const { file } = stream;
    if (file && (flags & MAP_PRIVATE) === 0) {
      this.write(stream, buffer, 0, Math.min(length, file.data.length - offset), offset);
      this.flush(stream);
    }
    return 0;
  }

  private flush({ file, node }: DriveStream): void {
    if (file?.isDirty && !file.isDetached) {
      this.drive.recent.forget();
      this.drive.API.write(this.drive.realPath(node), file.data);
      file.isDirty = false; // Where the drive did not take it, the next sync or close tries again.
    }
  }

  /** The contents; an empty file where others have removed it and the program asks for one to be made. */
  private fetch(stream: DriveStream): Uint8Array {
    const { drive } = this;
    const path = drive.realPath(stream.node);
    const flags = stream.flags ?? stream.shared.flags;
    for (;;) {
      try {
        return drive.API.read(path);
      } catch (error) {
        if ((error as { errno?: number }).errno !== ERRNO.ENOENT) {
          throw error;
        }
        drive.names.drop(stream.node);
        if ((flags & O_CREAT) === 0) {
          throw error;
        }
      }
      const { parent, name, mode } = stream.node;
      stream.node = drive.node_ops.mknod(parent, name, mode, 0) as Node;
      if (drive.recent.takeEmptied(stream.node)) {
        return new Uint8Array(0);
      }
    }
  }
}
