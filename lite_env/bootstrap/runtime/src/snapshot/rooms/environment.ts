/** What a snapshot leaves to the environment's files: a kernel that is restored has them as a started one has. */
import type { TakeFile } from '../../pack/prefix';
import { fileBehind, walk, type Tree } from '../../pack/tree';
import type { Snapshot } from '../form';
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

/** Compiled libraries by absolute paths. */
export type Libraries = ReadonlyMap<string, WebAssembly.Module>;

/** Reads files of the environment at absolute paths, without the kernel opening them. */
export type ReadFiles = (paths: readonly string[], take: TakeFile) => Promise<void>;

/** Compile a snapshot's libraries side by side, which lie behind it, or else in the environment. */
export async function compileLibraries(snapshot: Snapshot, read: ReadFiles): Promise<Libraries> {
  const compiled = new Map<string, Promise<WebAssembly.Module>>();
  const compile = (path: string, bytes: Uint8Array) => {
    const module = WebAssembly.compile(bytes as Uint8Array<ArrayBuffer>);
    module.catch(() => undefined); // Told when it is waited for.
    compiled.set(path, module);
  };
  const elsewhere: string[] = [];
  for (const path of snapshot.libraries) {
    const bytes = snapshot.file(path);
    bytes ? compile(path, bytes) : elsewhere.push(path);
  }
  if (elsewhere.length > 0) {
    await read(elsewhere, compile);
  }
  return new Map(await Promise.all([...compiled].map(async ([path, module]) => [path, await module] as const)));
}
