/** A pack on disk read whole by the runtime's own reader: every file of the environment and of its kernels. */
import { Inflater } from '../../src/io/inflate';
import { NodeTransport } from '../../src/io/node';
import { Source } from '../../src/io/source';
import { ArchiveStore } from '../../src/pack/archives';
import { parseManifest } from '../../src/pack/manifest';
import { parseTree, walk } from '../../src/pack/tree';
import { sha256 } from './pack';

export interface ReadPack {
  readonly environment: string;
  readonly kernels: readonly { readonly name: string; readonly files: Readonly<Record<string, string>> }[];
  /** By prefix-relative path the SHA-256 of a file, or the target of a link. */
  readonly files: Readonly<Record<string, string | { link: string }>>;
}

export async function readPack(folder: string): Promise<ReadPack> {
  const source = new Source(new NodeTransport(folder), () => undefined);
  const manifest = parseManifest(await source.readUnchecked('manifest.json', 'manifest'));
  const inflater = new Inflater(source);
  const tree = parseTree(await inflater.read(manifest.index, 'index'), manifest.index.path, manifest.archives);
  const store = new ArchiveStore(manifest.archives, source, inflater.zstd);
  await Promise.all(manifest.archives.map((_, position) => store.fetchAhead(position)));
  const files: Record<string, string | { link: string }> = {};
  for (const [path, entry] of walk(tree.root)) {
    if (entry.kind !== 'folder') {
      files[path] = entry.kind === 'link' ? { link: entry.target } : sha256(store.readFile(entry));
    }
  }
  const kernels = [];
  for (const kernel of manifest.kernels) {
    const own: Record<string, string> = {};
    for (const file of [kernel.script, kernel.wasm, kernel.data, ...kernel.shared.values()]) {
      if (file) {
        own[file.path] = sha256(await inflater.read(file, 'kernel'));
      }
    }
    kernels.push({ name: kernel.name, files: own });
  }
  return { environment: manifest.environment, kernels, files };
}
