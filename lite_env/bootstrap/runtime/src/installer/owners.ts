/** Which package each file of a pack belongs to: archives count the entries of their packages, in the order of names. */
import type { Installation } from '../kernel/installation';
import { walk, type FileEntry } from '../pack/tree';

const BLOCK = 512;
/** Blocks of a header whose path does not fit into an ordinary one: its own, the path's and the ordinary one. */
const LONG = 3;

/** Package names by prefix-relative path. */
export async function ownersOf(kernel: Installation): Promise<Map<string, string>> {
  const counts = countsOf(kernel.manifest);
  const files = new Map<number, [string, FileEntry][]>();
  for (const [path, entry] of walk((await kernel.index()).root)) {
    if (entry.kind === 'file') {
      const those = files.get(entry.archive) ?? [];
      those.push([path, entry]);
      files.set(entry.archive, those);
    }
  }
  const owners = new Map<string, string>();
  for (const [archive, entries] of files) {
    const names = Object.entries(counts[archive] ?? {})
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([name, count]) => Array<string>(count).fill(name));
    positionsOf(entries).forEach((position, path) => {
      const name = names[position];
      if (name !== undefined) {
        owners.set(path, name);
      }
    });
  }
  return owners;
}

/** How manieth entry of its archive each file is: links are entries, too, and tell of themselves by the room they take. */
function positionsOf(entries: [string, FileEntry][]): Map<string, number> {
  const positions = new Map<string, number>();
  let end = 0;
  let position = 0;
  for (const [path, { offset, size }] of entries.sort(([, a], [, b]) => a.offset - b.offset)) {
    const own = isLong(path) ? LONG : 1;
    position += Math.max(0, (offset - end) / BLOCK - own);
    positions.set(path, position);
    position += 1;
    end = offset + Math.ceil(size / BLOCK) * BLOCK;
  }
  return positions;
}

/** Whether a path fits neither into a header's 100 bytes nor, cut at a slash, into its 155 and 100. */
function isLong(path: string): boolean {
  const bytes = (text: string) => new TextEncoder().encode(text).length;
  const cuts = [...path.matchAll(/\//g)].map(({ index }) => index);
  return bytes(path) > 100 && !cuts.some(cut => bytes(path.slice(0, cut)) <= 155 && bytes(path.slice(cut + 1)) <= 100);
}

function countsOf(manifest: Uint8Array): Record<string, number>[] {
  const { archives } = JSON.parse(new TextDecoder().decode(manifest)) as { archives?: unknown };
  return (Array.isArray(archives) ? archives : []).map(
    (archive: { packages?: Record<string, number> } | null) => archive?.packages ?? {}
  );
}
