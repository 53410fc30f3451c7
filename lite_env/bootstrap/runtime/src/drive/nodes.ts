import { DriveFSEmscriptenNodeOps } from '@jupyterlite/services/lib/contents/drivefs';
import type {
  IEmscriptenFSNode as Node,
  IEmscriptenStream as Stream,
  IStats,
} from '@jupyterlite/services/lib/contents/emscripten';
import { ERRNO } from './channel';
import { resize } from './file';
import type { DriveView } from './view';

const EMPTY = new Uint8Array(0);
/** Of making a file that others make and remove at the same time, on a drive that cannot do it in one step. */
const ATTEMPTS = 100;

/** What programs do to names. */
export class LiteNodeOps extends DriveFSEmscriptenNodeOps {
  /** When this kernel changed the names in a folder; contents managers need not keep such a time. */
  private readonly touched = new WeakMap<Node, number>();

  constructor(private readonly drive: DriveView) {
    super(drive);
  }

  override getattr = (value: Node | Stream): IStats => {
    const { drive } = this;
    const node = this.node(value);
    this.makeSure(node);
    const stat = drive.recent.takeStat(node) ?? drive.API.getattr(drive.realPath(node));
    const open = drive.files.get(node);
    const size = open?.isDirty ? open.data.length : stat.size;
    const mtime = new Date(Math.max(new Date(stat.mtime).getTime(), this.touched.get(node) ?? 0));
    return { ...stat, mtime, size, mode: node.mode, ino: node.id };
  };

  /** Sizes and modes; times are the host's, and what a program sets is ignored. */
  override setattr = (value: Node | Stream, attributes: Partial<IStats>): void => {
    const node = this.node(value);
    if (attributes.mode !== undefined) {
      node.mode = attributes.mode;
    }
    if (attributes.size !== undefined) {
      this.truncate(node, attributes.size);
    }
  };

  override lookup = (parent: Node | Stream, name: string): Node => {
    const { drive } = this;
    const folder = this.node(parent);
    const found = drive.names.find(drive.PATH.join2(drive.realPath(folder), name));
    if (!found) {
      throw drive.failed('ENOENT');
    }
    if (found === 'unreachable') {
      return drive.names.phantom(folder, name);
    }
    const node = drive.createNode(folder, name, found.mode, 0);
    drive.recent.lookedUp(node, found.stat);
    return node;
  };

  override mknod = (parent: Node | Stream, name: string, mode: number, device: number): Node => {
    const { drive } = this;
    const folder = this.node(parent);
    const path = drive.PATH.join2(drive.realPath(folder), name);
    const { opening } = drive.names;
    const takesOther = drive.FS['isFile'](mode) && opening !== null && !opening.isExclusive;
    const isMine = takesOther ? this.make(path, mode) : this.makeNew(path, mode);
    const node = drive.createNode(folder, name, mode, device);
    this.touch(folder);
    if (!isMine && opening?.truncates) {
      drive.API.write(path, EMPTY);
    }
    if (drive.FS['isFile'](mode) && (isMine || opening?.truncates)) {
      drive.recent.emptied(node);
    }
    return node;
  };

  override rename = (value: Node | Stream, newFolder: Node | Stream, newName: string): void => {
    const { drive } = this;
    const node = this.node(value);
    const target = drive.names.cached(this.node(newFolder), newName);
    const from = drive.realPath(node);
    const to = drive.PATH.join2(drive.realPath(this.node(newFolder)), newName);
    this.dropping(node, () => drive.API.rename(from, to));
    if (target && target !== node) {
      this.detach(target);
      drive.names.drop(target);
    }
    this.touch(node.parent);
    this.touch(this.node(newFolder));
    node.name = newName;
    node.parent = this.node(newFolder);
  };

  override unlink = (parent: Node | Stream, name: string): null => {
    const { drive } = this;
    const folder = this.node(parent);
    drive.API.rmdir(drive.PATH.join2(drive.realPath(folder), name));
    this.touch(folder);
    const node = drive.names.cached(folder, name);
    if (node) {
      this.detach(node);
    }
    return null;
  };

  override rmdir = (parent: Node | Stream, name: string): null => {
    const { drive } = this;
    const path = drive.PATH.join2(drive.realPath(this.node(parent)), name);
    if (!drive.API.isStrict && drive.API.list(path).length > 0) {
      throw drive.failed('ENOTEMPTY'); // JupyterLite's drives would remove all that is in it.
    }
    drive.API.rmdir(path);
    this.touch(this.node(parent));
    return null;
  };

  override readdir = (value: Node | Stream): string[] => {
    const { drive } = this;
    const node = this.node(value);
    if (!drive.API.isStrict) {
      this.makeSure(node);
    }
    const entries = this.dropping(node, () => drive.API.list(drive.realPath(node)));
    drive.recent.listed(node, entries);
    return ['.', '..', ...entries.map(entry => entry.name)];
  };

  private makeNew(path: string, mode: number): true {
    this.drive.API.mknod(path, mode);
    return true;
  }

  /**
   * Make a file for an `open` that takes one which is there as well: since the look that found none, another kernel or
   * the host may have made it. Whether it was made here.
   */
  private make(path: string, mode: number): boolean {
    const { drive } = this;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return drive.API.make(path, mode);
      } catch (error) {
        if ((error as { errno?: number }).errno !== ERRNO.EEXIST || attempt === ATTEMPTS) {
          throw error;
        }
      }
      const found = drive.names.find(path);
      if (found && found !== 'unreachable') {
        if (drive.FS['isDir'](found.mode)) {
          throw drive.failed('EISDIR');
        }
        return false;
      }
    }
  }

  private touch(folder: Node): void {
    this.touched.set(folder, Date.now());
  }

  private truncate(node: Node, size: number): void {
    const { drive } = this;
    const open = drive.files.get(node);
    if (open) {
      open.isDirty ||= open.data.length !== size;
      resize(open, size);
      return;
    }
    const path = drive.realPath(node);
    if (size === 0) {
      drive.API.write(path, EMPTY);
      drive.recent.emptied(node);
      return;
    }
    const file = { data: this.dropping(node, () => drive.API.read(path)) };
    if (file.data.length !== size) {
      resize(file, size);
      drive.API.write(path, file.data);
    }
  }

  /**
   * Look a node up that this call has not seen: a folder, which is trusted on the way to other things. A plain
   * JupyterLite page gives no answer at all when it is asked for the attributes or the listing of what is not there any
   * more, and the kernel would wait for ever.
   */
  private makeSure(node: Node): void {
    if (!this.drive.recent.isSeen(node)) {
      this.drive.names.lookUpAgain(node);
    }
  }

  /** What the host has removed is forgotten. */
  private dropping<T>(node: Node, run: () => T): T {
    try {
      return run();
    } catch (error) {
      if ((error as { errno?: number }).errno === ERRNO.ENOENT) {
        this.drive.names.drop(node);
      }
      throw error;
    }
  }

  /** A file without a name lives on for those who have it open, and is never written back. */
  private detach(node: Node): void {
    const open = this.drive.files.get(node);
    if (open) {
      open.isDetached = true;
    }
  }
}
