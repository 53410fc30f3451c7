import { MANIFEST, parseManifest, type Manifest } from '../pack/manifest';
import { SHARED_FOLDER, sharedName } from '../pack/shared';
import { resolvePath } from './browser';
import { plainOf } from './plain';

/** What lies in a pack's folder, besides its manifest; another pack may lie in a folder below. */
const LAYOUT = /^(?:index-[^/]+|archives\/[^/]+|kernels\/[^/]+\/[^/]+)$/;

/** What of a cache is seen here. */
export interface Kept {
  readonly urls: readonly string[];
  read(url: string): Promise<Uint8Array>;
}

/**
 * What the pack at `base` left in the cache and its manifest does not name any more. Other packs are none of its
 * business, also where its folder holds theirs: at `/` it does.
 */
export async function outdated(base: string, manifest: Manifest, kept: Kept): Promise<string[]> {
  const named = new Set([MANIFEST, ...filesOf(manifest)].map(path => resolvePath(path, base)));
  const unnamed = kept.urls.filter(url => !named.has(url));
  const below = unnamed.filter(url => url.startsWith(base) && isManifest(url)).map(url => resolvePath('./', url));
  const own = unnamed.filter(
    url => url.startsWith(base) && LAYOUT.test(url.slice(base.length)) && !below.some(folder => url.startsWith(folder))
  );
  const shared = unnamed.filter(url => isShared(url, base));
  const stillShared = new Set(shared.length > 0 ? await namedByOthers(base, { ...kept, urls: unnamed }) : []);
  return [...own, ...shared.filter(url => !stillShared.has(url))];
}

/** Whether that is a file that packs of this site have in common. */
function isShared(url: string, base: string): boolean {
  const folder = resolvePath(SHARED_FOLDER, base);
  return url.startsWith(folder) && sharedName(url.slice(folder.length)) !== null;
}

/** URLs of what the kept manifests of the site's other packs name; all of `urls` where one of them cannot be read. */
async function namedByOthers(base: string, { urls, read }: Kept): Promise<readonly string[]> {
  const packs = resolvePath('../', base);
  const manifests = urls.filter(url => url.startsWith(packs) && isManifest(url));
  const named = manifests.map(async url => filesOf(parseManifest(await read(url))).map(path => resolvePath(path, url)));
  return Promise.all(named).then(
    lists => lists.flat(),
    () => urls
  );
}

function isManifest(url: string): boolean {
  return url.endsWith(`/${MANIFEST}`);
}

/** Paths of every file that a manifest vouches for, and of what is kept in the place of some of them. */
function filesOf(manifest: Manifest): string[] {
  const files = manifest.kernels.flatMap(kernel => kernel.files);
  const modules = files.filter(file => file.role === 'wasm').map(file => plainOf(file).path);
  const snapshots = manifest.kernels.flatMap(({ snapshot }) => snapshot ?? []);
  return [...[manifest.index, ...manifest.archives, ...files, ...snapshots].map(file => file.path), ...modules];
}
