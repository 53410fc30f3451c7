/** All drives of the application as one: the kernel sees the default one as `/drive`, others as `/drive/NAME:`. */
import type { ContentsModel } from '../embed/api';
import type { HostContents } from './host-types';

/** What a drive of the kernel's asks of the contents manager. */
type Save = Parameters<HostContents['save']>[1];
type Make = Parameters<HostContents['newUntitled']>[0];

/**
 * The folder of the drive in which a kernel starts, of the `location` that the application gives: `folder`, `Drive:`,
 * `Drive:folder` or `:folder`. A colon is a drive's only when there is such a drive.
 */
export function folderOf(location: string, contents: Pick<HostContents, 'driveName'>): string {
  const path = location.replace(/^:/, '').replace(/^\/+|\/+$/g, '');
  const drive = contents.driveName(path);
  if (!drive) {
    return path;
  }
  const folder = path.slice(drive.length + 1).replace(/^\/+/, '');
  return folder ? `${drive}:/${folder}` : `${drive}:`;
}

/** The contents manager of the application, over all of its drives. */
export class AllDrives {
  constructor(private readonly contents: HostContents) {}

  async get(path: string, options?: { content?: boolean }): Promise<ContentsModel> {
    const model = await this.contents.get(this.pathIn(path), options);
    if (!isRoot(path) || options?.content === false) {
      return model;
    }
    const others = this.names().map(name => ({ name: `${name}:`, path: `${name}:`, type: 'directory' }));
    return { ...model, content: [...((model.content ?? []) as readonly ContentsModel[]), ...others] };
  }

  save(path: string, options: Save): Promise<unknown> {
    return this.contents.save(this.pathIn(path), options);
  }

  delete(path: string): Promise<void> {
    return this.contents.delete(this.pathIn(path));
  }

  rename(path: string, newPath: string): Promise<unknown> {
    return this.contents.rename(this.pathIn(path), this.pathIn(newPath));
  }

  newUntitled({ path, type }: Make): Promise<ContentsModel> {
    return this.contents.newUntitled({ path: this.pathIn(path), type });
  }

  /** `/NAME:/a/b` of the kernel's is `NAME:a/b` here. */
  private pathIn(path: string): string {
    const inner = path.replace(/^\/+/, '');
    const name = this.contents.driveName(inner);
    return name ? `${name}:${inner.slice(name.length + 1).replace(/^\/+/, '')}` : inner;
  }

  /** Nothing public lists them; without it a drive is still reached by its name. */
  private names(): string[] {
    const drives = (this.contents as { readonly _additionalDrives?: unknown })._additionalDrives;
    return drives instanceof Map ? [...drives.keys()].map(String) : [];
  }
}

function isRoot(path: string): boolean {
  return /^\/*$/.test(path);
}
