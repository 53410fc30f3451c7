import { fromBase64, toBase64 } from '../base64';
import { codeOf, DriveError, pieceOf, type DriveErrorCode, type DriveRequest } from '../drive/channel';
import { PIECE_BYTES } from '../drive/limits';
import { FILE_MODE, FOLDER_MODE, isFolder } from '../drive/modes';
import { newId } from '../ids';
import type { ContentsManager, ContentsModel, UploadPiece } from './api';

const BLOCK_SIZE = 4096;

/**
 * Answer a drive request from a contents manager: the answers of JupyterLite's `DriveContentsProcessor`, and beyond it
 * errors with their names, a `stat` in `lookup`, types in a detailed `readdir`, and the promises that a file system
 * keeps: nothing is made twice, no folder with files in it is removed, a rename replaces a file.
 *
 * @throws DriveError
 */
export async function answerDrive(contents: ContentsManager, request: DriveRequest): Promise<unknown> {
  try {
    return await new Answer(contents, request).give();
  } catch (error) {
    throw asDriveError(error);
  }
}

class Answer {
  private readonly path: string;

  constructor(
    private readonly contents: ContentsManager,
    private readonly request: DriveRequest
  ) {
    this.path = request.path;
  }

  give(): Promise<unknown> {
    switch (this.request.method) {
      case 'lookup':
        return this.lookup();
      case 'getattr':
        return this.contents.get(this.path, { content: false }).then(statOf);
      case 'getmode':
        return this.contents.get(this.path, { content: false }).then(modeOf);
      case 'readdir':
        return this.readdir();
      case 'get':
        return this.get();
      case 'put':
        return this.put();
      case 'mknod':
        return this.mknod();
      case 'rename':
        return this.rename();
      case 'rmdir':
        return this.rmdir();
      default:
        throw new DriveError('EINVAL', `there is no method "${String(this.request.method)}"`);
    }
  }

  private async lookup(): Promise<unknown> {
    const model = await this.find(this.path);
    if (!model) {
      return { ok: false };
    }
    const pieces = this.contents.readPiece && this.contents.writePiece ? { pieces: PIECE_BYTES } : {};
    return { ok: true, mode: modeOf(model), stat: statOf(model), ...pieces };
  }

  private async readdir(): Promise<unknown> {
    const model = await this.contents.get(this.path, { content: true });
    const children = childrenOf(model);
    const isDetailed = this.request.data?.['detail'] === true;
    return children.map(child => (isDetailed ? { name: child.name, mode: modeOf(child) } : child.name));
  }

  private async get(): Promise<unknown> {
    const { offset, length } = (this.request.data ?? {}) as { offset?: number; length?: number };
    if (this.contents.readPiece && offset !== undefined && length !== undefined) {
      const { data, size, version } = await this.contents.readPiece(this.path, offset, length);
      return { content: toBase64(data), format: 'base64', size, version };
    }
    const { type, format, content } = await this.contents.get(this.path, { content: true });
    if (type === 'directory') {
      throw new DriveError('EISDIR', `"${this.path}" is a folder`);
    }
    return { content: format === 'json' ? JSON.stringify(content) : content, format };
  }

  private async put(): Promise<null> {
    const { data, format } = this.request.data as { data: string; format: string };
    const piece = pieceOf(this.request);
    if (piece) {
      await this.putPiece(data, piece);
      return null;
    }
    const content = format === 'base64' ? data : toBase64(new TextEncoder().encode(data));
    await this.contents.save(this.path, { type: 'file', format: 'base64', content });
    return null;
  }

  private async putPiece(data: string, piece: UploadPiece): Promise<void> {
    if (!this.contents.writePiece) {
      throw new DriveError('EINVAL', 'this drive takes no pieces of files');
    }
    await this.contents.writePiece(this.path, fromBase64(data), piece);
  }

  /** Make a file or folder; where `exclusive` is false, a file that is there is as good. */
  private async mknod(): Promise<{ made: boolean } | null> {
    const { mode, exclusive } = (this.request.data ?? {}) as { mode?: number; exclusive?: boolean };
    if (isFolder(Number(mode))) {
      await this.makeFolder();
      return null;
    }
    try {
      await this.makeFile();
    } catch (error) {
      const isThere = exclusive === false && asDriveError(error).code === 'EEXIST';
      if (!isThere || (await this.find(this.path))?.type !== 'file') {
        throw error;
      }
      return { made: false };
    }
    return null;
  }

  private async makeFile(): Promise<void> {
    if (this.contents.makeFile) {
      await this.contents.makeFile(this.path);
      return;
    }
    await this.refuseExisting();
    await this.contents.save(this.path, { type: 'file', format: 'base64', content: '' });
  }

  private async makeFolder(): Promise<void> {
    const { contents, path } = this;
    if (contents.makeFolder) {
      await contents.makeFolder(path);
      return;
    }
    await this.refuseExisting();
    // The contents API makes folders under names of its own only.
    const made = await contents.newUntitled({ path: folderOf(path), type: 'directory' });
    try {
      await contents.rename(made.path, path);
    } catch (error) {
      await contents.delete(made.path).catch(() => undefined); // Nobody has asked for it under that name.
      throw error;
    }
  }

  private async refuseExisting(): Promise<void> {
    if (await this.find(this.path)) {
      throw new DriveError('EEXIST', `"${this.path}" exists`);
    }
  }

  private async rename(): Promise<null> {
    const { contents, path } = this;
    const newPath = String(this.request.data?.['newPath']);
    if (contents.replace) {
      await contents.replace(path, newPath);
      return null;
    }
    const source = await contents.get(path, { content: false });
    const target = newPath === path ? null : await this.find(newPath);
    if (target) {
      await this.renameOver(source, target, newPath);
    } else {
      await contents.rename(path, newPath);
    }
    return null;
  }

  /**
   * Replace what is at `path`, for managers that cannot: it is moved aside, and removed only when the new one stands.
   * When that fails it is put back.
   */
  private async renameOver(source: ContentsModel, target: ContentsModel, path: string): Promise<void> {
    const { contents } = this;
    const isFolder = target.type === 'directory';
    if (isFolder !== (source.type === 'directory')) {
      throw new DriveError(isFolder ? 'EISDIR' : 'ENOTDIR', `"${path}" is ${isFolder ? 'a folder' : 'a file'}`);
    }
    await this.refuseFull(path, target);
    const aside = `${path}.replaced-${newId().slice(0, 8)}`;
    await contents.rename(path, aside);
    try {
      await contents.rename(this.path, path);
    } catch (error) {
      await contents.rename(aside, path).catch((cause: unknown) => {
        const text = `"${path}" could not be replaced, and is now "${aside}": ${asDriveError(error).message}`;
        throw new DriveError('EIO', text, { cause });
      });
      throw error;
    }
    await this.dropReplaced(aside, target);
  }

  /** What was replaced; where it cannot be removed, or somebody has put something into it, it stays under that name. */
  private async dropReplaced(path: string, model: ContentsModel): Promise<void> {
    try {
      await this.refuseFull(path, model);
      await this.contents.delete(path);
    } catch {
      // The rename itself has been done.
    }
  }

  private async rmdir(): Promise<null> {
    if (this.contents.remove) {
      await this.contents.remove(this.path);
      return null;
    }
    await this.refuseFull(this.path, await this.contents.get(this.path, { content: false }));
    await this.contents.delete(this.path);
    return null;
  }

  private async refuseFull(path: string, { type }: ContentsModel): Promise<void> {
    if (type === 'directory' && childrenOf(await this.contents.get(path, { content: true })).length > 0) {
      throw new DriveError('ENOTEMPTY', `"${path}" is not empty`);
    }
  }

  /** What is at the path, null when nothing is; every other refusal is thrown. */
  private async find(path: string): Promise<ContentsModel | null> {
    try {
      return await this.contents.get(path, { content: false });
    } catch (error) {
      const { code } = asDriveError(error);
      if (code === 'ENOENT' || code === 'ENOTDIR') {
        return null;
      }
      throw error;
    }
  }
}

function modeOf({ type }: ContentsModel): number {
  return type === 'directory' ? FOLDER_MODE : FILE_MODE;
}

function statOf(model: ContentsModel): Record<string, unknown> {
  const epoch = new Date(0).toISOString();
  const size = model.size ?? 0;
  const modified = model.last_modified || epoch;
  return {
    dev: 1,
    nlink: 1,
    uid: 0,
    gid: 0,
    rdev: 0,
    size,
    blksize: BLOCK_SIZE,
    blocks: Math.ceil(size / BLOCK_SIZE),
    atime: modified,
    mtime: modified,
    ctime: model.created || epoch,
    timestamp: 0,
    mode: modeOf(model),
  };
}

function childrenOf({ type, content, path }: ContentsModel): readonly ContentsModel[] {
  if (type !== 'directory') {
    throw new DriveError('ENOTDIR', `"${path}" is no folder`);
  }
  return (content ?? []) as readonly ContentsModel[];
}

/** The folder that holds a path, in the same drive. */
function folderOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash >= 0 ? path.slice(0, slash) : path.slice(0, path.indexOf(':') + 1);
}

const BY_STATUS: Readonly<Record<number, DriveErrorCode>> = {
  401: 'EACCES',
  403: 'EACCES',
  404: 'ENOENT',
  409: 'EEXIST',
  413: 'EFBIG',
  507: 'ENOSPC',
};

/** Managers throw errors of their own: Jupyter's carry a response, browsers' a name, JupyterLite's a text. */
export function asDriveError(error: unknown): DriveError {
  if (error instanceof DriveError) {
    return error;
  }
  const { name, message, response } = (error ?? {}) as { name?: string; message?: string; response?: Response };
  const text = String(message ?? error);
  if (name === 'QuotaExceededError') {
    return new DriveError('ENOSPC', `the browser has no room left: ${text}`, { cause: error });
  }
  if (codeOf(error) === 'EFBIG') {
    return new DriveError('EFBIG', `it is too large for this browser: ${text}`, { cause: error });
  }
  const isMissing = /could not find|does not exist|not found|no such/i.test(text);
  const code = BY_STATUS[response?.status ?? 0] ?? (isMissing ? 'ENOENT' : 'EIO');
  return new DriveError(code, text, { cause: error });
}
