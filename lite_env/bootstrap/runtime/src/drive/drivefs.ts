import { DriveFS } from '@jupyterlite/services/lib/contents/drivefs';
import type { IEmscriptenFSNode as Node } from '@jupyterlite/services/lib/contents/emscripten';
import { LiteContentsAPI, type Stat } from './api';
import { DriveError, ERRNO, type DriveChannel } from './channel';
import type { DriveFile } from './file';
import { guard, NODE_OPERATIONS, STREAM_OPERATIONS } from './guard';
import { Names } from './names';
import { LiteNodeOps } from './nodes';
import { Recent } from './recent';
import { LiteStreamOps } from './streams';
import type { DriveStream, DriveView } from './view';

export interface LiteDriveOptions extends DriveFS.IOptions {
  readonly channel: DriveChannel;
  onTrouble(error: DriveError | null): void;
}

const BLOCK_SIZE = 4096;

/**
 * JupyterLite's DriveFS, with what programs expect of a file system: bytes as they are, errors by their names, one
 * contents for all who have a file open, mmap, and a host whose changes are seen.
 */
export class LiteDriveFS extends DriveFS implements DriveView {
  declare API: LiteContentsAPI;
  readonly recent = new Recent<Node>();
  /** Contents of the files that are open. */
  readonly files = new WeakMap<Node, DriveFile>();
  readonly names: Names = new Names(this);

  constructor(options: LiteDriveOptions) {
    super(options);
    const failed = (cause: unknown) => this.API.fail(cause);
    this.node_ops = guard(new LiteNodeOps(this), NODE_OPERATIONS, failed);
    this.stream_ops = guard(new LiteStreamOps(this), STREAM_OPERATIONS, failed);
  }

  override createAPI(options: DriveFS.IOptions): LiteContentsAPI {
    return new LiteContentsAPI(options as LiteDriveOptions);
  }

  override createNode(parent: Node | null, name: string, mode: number, device: number): Node {
    const known = parent && this.names.cached(parent, name);
    if (known) {
      this.names.drop(known);
    }
    return super.createNode(parent, name, mode, device);
  }

  failed(code: keyof typeof ERRNO): Error {
    return this.API.failed(code);
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
}
