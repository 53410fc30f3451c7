/** The environment's files by absolute paths, without a kernel that opens them. */
import type { ArchiveStore } from './archives';
import { fileBehind, type FileEntry, type Tree } from './tree';

/** Takes the bytes of a file. */
export type TakeFile = (path: string, bytes: Uint8Array) => void;

export class PrefixFiles {
  private readonly root: string;

  constructor(
    private readonly tree: Tree,
    prefix: string,
    private readonly archives: ArchiveStore
  ) {
    this.root = prefix === '/' ? '/' : `${prefix}/`;
  }

  /** Positions of the archives that hold them. */
  archivesOf(paths: readonly string[]): readonly number[] {
    const positions = paths.flatMap(path => this.find(path)?.archive ?? []);
    return [...new Set(positions)].sort((one, other) => one - other);
  }

  /** Read them; `take` gets each as soon as it was read. @throws Error: one is not there. */
  async read(paths: readonly string[], take: TakeFile): Promise<void> {
    const names = new Map<FileEntry, string[]>();
    for (const path of paths) {
      const file = this.find(path);
      if (!file) {
        throw new Error(`"${path}" is no file of the environment`);
      }
      names.set(file, [...(names.get(file) ?? []), path]);
    }
    await this.archives.readAlone([...names.keys()], (file, bytes) => names.get(file)?.forEach(path => take(path, bytes)));
  }

  private find(path: string): FileEntry | null {
    return path.startsWith(this.root) ? fileBehind(this.tree, path.slice(this.root.length)) : null;
  }
}
