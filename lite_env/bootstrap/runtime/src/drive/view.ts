import type { DriveFS } from '@jupyterlite/services/lib/contents/drivefs';
import type { IEmscriptenFSNode as Node, IEmscriptenStream } from '@jupyterlite/services/lib/contents/emscripten';
import type { LiteContentsAPI, Stat } from './api';
import type { ERRNO } from './channel';
import type { DriveFile } from './file';
import type { Names } from './names';
import type { Recent } from './recent';

export interface DriveStream extends IEmscriptenStream {
  readonly fd: number;
  file?: DriveFile;
}

/** What the operations on names and streams use of the file system that they belong to. */
export interface DriveView extends DriveFS {
  readonly API: LiteContentsAPI;
  readonly names: Names;
  readonly recent: Recent<Node>;
  /** Contents of the files that are open. */
  readonly files: WeakMap<Node, DriveFile>;
  failed(code: keyof typeof ERRNO): Error;
  /** A stat for a file that was made or emptied by this call. */
  emptyStat(): Stat;
  /** Whether other streams have this one's file, duplicated descriptors among them, of which no `open` tells. */
  isOpenElsewhere(stream: DriveStream): boolean;
}
