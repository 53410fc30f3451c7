import { toBase64 } from '../base64';
import { DriveError, type DriveErrorCode, type DriveRequest } from '../drive/channel';
import { FILE_MODE, FOLDER_MODE, isFolder } from '../drive/modes';
import type { ContentsManager, ContentsModel } from './api';

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
    return model ? { ok: true, mode: modeOf(model), stat: statOf(model) } : { ok: false };
  }

  private async readdir(): Promise<unknown> {
    const model = await this.contents.get(this.path, { content: true });
    const children = childrenOf(model);
    const isDetailed = this.request.data?.['detail'] === true;
    return children.map(child => (isDetailed ? { name: child.name, mode: modeOf(child) } : child.name));
  }

  private async get(): Promise<unknown> {
    const { type, format, content } = await this.contents.get(this.path, { content: true });
    if (type === 'directory') {
      throw new DriveError('EISDIR', `"${this.path}" is a folder`);
    }
    return { content: format === 'json' ? JSON.stringify(content) : content, format };
  }

  private async put(): Promise<null> {
    const { data, format } = this.request.data as { data: string; format: string };
    const content = format === 'base64' ? data : toBase64(new TextEncoder().encode(data));
    await this.contents.save(this.path, { type: 'file', format: 'base64', content });
    return null;
  }

  private async mknod(): Promise<null> {
    const mode = Number(this.request.data?.['mode']);
    if (await this.find(this.path)) {
      throw new DriveError('EEXIST', `"${this.path}" exists`);
    }
    if (!isFolder(mode)) {
      await this.contents.save(this.path, { type: 'file', format: 'base64', content: '' });
      return null;
    }
    if (this.contents.makeFolder) {
      await this.contents.makeFolder(this.path);
      return null;
    }
    // The contents API makes folders under names of its own only.
    const made = await this.contents.newUntitled({ path: folderOf(this.path), type: 'directory' });
    await this.contents.rename(made.path, this.path);
    return null;
  }

  private async rename(): Promise<null> {
    const newPath = String(this.request.data?.['newPath']);
    const source = await this.contents.get(this.path, { content: false });
    const target = newPath === this.path ? null : await this.find(newPath);
    if (target) {
      await this.removeForRename(source, target, newPath);
    }
    await this.contents.rename(this.path, newPath);
    return null;
  }

  private async removeForRename(source: ContentsModel, target: ContentsModel, path: string): Promise<void> {
    const isFolder = target.type === 'directory';
    if (isFolder !== (source.type === 'directory')) {
      throw new DriveError(isFolder ? 'EISDIR' : 'ENOTDIR', `"${path}" is ${isFolder ? 'a folder' : 'a file'}`);
    }
    await this.refuseFull(path, target);
    await this.contents.delete(path);
  }

  private async rmdir(): Promise<null> {
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
  413: 'ENOSPC',
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
  const isMissing = /could not find|does not exist|not found|no such/i.test(text);
  const code = BY_STATUS[response?.status ?? 0] ?? (isMissing ? 'ENOENT' : 'EIO');
  return new DriveError(code, text, { cause: error });
}
