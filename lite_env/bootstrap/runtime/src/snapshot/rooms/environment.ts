/** What a snapshot leaves to the environment's files: a kernel that is restored has them as a started one has. */
import type { FileSystem } from '../../fs/emscripten';
import { walk, type Tree } from '../../pack/tree';

/** Absolute paths of the environment's files and folders. */
export function pathsOf({ root }: Tree, prefix: string): ReadonlySet<string> {
  const above = prefix === '/' ? '' : prefix;
  return new Set([...walk(root)].map(([path]) => `${above}/${path}`));
}

/** Read and compile libraries, side by side; `fetch` has them come before. */
export async function compileLibraries(
  paths: readonly string[],
  fetch: (paths: readonly string[]) => Promise<void>,
  fs: FileSystem
): Promise<ReadonlyMap<string, WebAssembly.Module>> {
  await fetch(paths);
  const compiled = paths.map(async path => {
    const bytes = fs.readFile(path) as Uint8Array<ArrayBuffer>;
    return [path, await WebAssembly.compile(bytes)] as const;
  });
  return new Map(await Promise.all(compiled));
}
