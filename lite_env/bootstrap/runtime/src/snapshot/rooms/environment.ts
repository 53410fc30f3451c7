/** What a snapshot leaves to the environment's files: a kernel that is restored has them as a started one has. */
import type { ReadFiles } from '../../family/runtime';
import { fileBehind, walk, type Tree } from '../../pack/tree';
import { guard } from '../unusable';

/** The environment's files by absolute paths. */
export class Environment {
  private readonly root: string;

  constructor(
    private readonly tree: Tree,
    prefix: string
  ) {
    this.root = prefix === '/' ? '/' : `${prefix}/`;
  }

  /** Those of files and folders. */
  paths(): ReadonlySet<string> {
    return new Set([...walk(this.tree.root)].map(([path]) => `${this.root}${path}`));
  }

  /** @throws Unusable: a library is not among them, and the next start would not have it. */
  guardHas(libraries: readonly string[]): void {
    for (const path of libraries) {
      const has = path.startsWith(this.root) && fileBehind(this.tree, path.slice(this.root.length)) !== null;
      guard(has, `the library "${path}" is no file of the environment`);
    }
  }
}

/** Read and compile libraries, side by side. */
export async function compileLibraries(
  paths: readonly string[],
  read: ReadFiles
): Promise<ReadonlyMap<string, WebAssembly.Module>> {
  const files = await read(paths);
  const compiled = paths.map(async (path, index) => {
    return [path, await WebAssembly.compile(files[index] as Uint8Array<ArrayBuffer>)] as const;
  });
  return new Map(await Promise.all(compiled));
}
