/** A pack on disk read whole by the runtime's own reader: every file of the environment and of its kernels. */
import { Inflater } from '../../src/io/inflate';
import { NodeTransport } from '../../src/io/node';
import { Source } from '../../src/io/source';
import { ArchiveStore } from '../../src/pack/archives';
import { parseManifest, selectKernel, type PackedKernel } from '../../src/pack/manifest';
import { parseTree, walk } from '../../src/pack/tree';
import { sha256 } from './pack';

export interface ReadPack {
  readonly environment: string;
  /** Each with the hashes of its own files by path. */
  readonly kernels: readonly (Pick<PackedKernel, 'name' | 'runtime' | 'start'> & {
    readonly files: Readonly<Record<string, string>>;
  })[];
  /** By prefix-relative path the SHA-256 of a file, or the target of a link. */
  readonly files: Readonly<Record<string, string | { link: string }>>;
}

export async function readPack(folder: string): Promise<ReadPack> {
  const source = new Source(new NodeTransport(folder), () => undefined);
  const manifest = parseManifest(await source.readUnchecked('manifest.json', 'manifest'));
  const inflater = new Inflater(source);
  const tree = parseTree(await inflater.read(manifest.index, 'index'), manifest.index.path, manifest.archives);
  const store = new ArchiveStore(manifest.archives, source, inflater.zstd);
  store.expect(tree.held);
  await Promise.all(manifest.archives.map((_, position) => store.fetchAhead(position)));
  const files: Record<string, string | { link: string }> = {};
  for (const [path, entry] of walk(tree.root)) {
    if (entry.kind !== 'folder') {
      files[path] = entry.kind === 'link' ? { link: entry.target } : sha256(store.readFile(entry));
    }
  }
  const kernels = [];
  for (const { name } of manifest.kernels) {
    const kernel = selectKernel(manifest, name);
    const own: Record<string, string> = {};
    for (const file of kernel.files) {
      own[file.path] = sha256(await inflater.read(file, 'kernel'));
    }
    kernels.push({ name, runtime: kernel.runtime, start: kernel.start, files: own });
  }
  return { environment: manifest.environment, kernels, files };
}
