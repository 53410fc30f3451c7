/** Conda packages (CEP 35 and the older .tar.bz2): their files where an environment has them. */
import type { Zstd } from '../io/zstd';
import { bunzip } from './bzip2';
import { isSafeName } from '../pack/check';
import { Refused } from './refusal';
import { readTar, type TarEntry } from './tar';
import type { PlacedFile } from './wheel';
import { readZip } from './zip';

/** Bytes that a package may become. */
const LIMIT = 1 << 30;

/** Folders that a kernel shows beside the environment. */
const NO_PLACE = new Set(['dev', 'drive', 'files', 'proc', 'tmp']);

export interface PackageTarget {
  /** Where the environment is: `/`, or a folder. */
  readonly prefix: string;
  /** Relative to it; null where there is no Python. */
  readonly site: string | null;
}

/** The files of the package in `data`, whose bytes were checked. */
export async function unpackConda(
  data: Uint8Array,
  fileName: string,
  target: PackageTarget,
  zstd: Zstd
): Promise<PlacedFile[]> {
  if (fileName.endsWith('.tar.bz2')) {
    return place(
      readTar(
        collect(take => bunzip(data, take), fileName),
        fileName
      ),
      fileName,
      target
    );
  }
  const entries: TarEntry[] = [];
  for (const part of readZip(data, fileName)) {
    if (/^(pkg|info)-.*\.tar\.zst$/.test(part.name)) {
      const packed = await part.read();
      entries.push(
        ...readTar(
          collect(take => zstd.pieces(packed, take), fileName),
          `${part.name} in ${fileName}`
        )
      );
    }
  }
  return place(entries, fileName, target);
}

/** All that `inflate` gives piece by piece. */
function collect(inflate: (take: (piece: Uint8Array) => boolean) => unknown, name: string): Uint8Array {
  const pieces: Uint8Array[] = [];
  let size = 0;
  try {
    inflate(piece => {
      pieces.push(piece.slice());
      size += piece.length;
      return size <= LIMIT;
    });
  } catch (cause) {
    throw new Refused(`"${name}" cannot be unpacked: ${String((cause as Error).message ?? cause)}`, 'the file is damaged');
  }
  if (size > LIMIT) {
    throw new Refused(`"${name}" would become more than ${LIMIT} bytes`);
  }
  const whole = new Uint8Array(size);
  let filled = 0;
  for (const piece of pieces) {
    whole.set(piece, filled);
    filled += piece.length;
  }
  return whole;
}

interface PathInfo {
  readonly _path?: unknown;
  readonly prefix_placeholder?: unknown;
  readonly file_mode?: unknown;
}

function place(entries: readonly TarEntry[], fileName: string, { prefix, site }: PackageTarget): PlacedFile[] {
  const files = new Map(entries.map(entry => [entry.path, entry]));
  const isPython = (json(files, 'info/link.json') as { noarch?: { type?: unknown } } | null)?.noarch?.type === 'python';
  const paths = (json(files, 'info/paths.json') as { paths?: PathInfo[] } | null)?.paths ?? [];
  const marked = new Map(
    paths.flatMap(info => (typeof info.prefix_placeholder === 'string' ? [[info._path, info] as const] : []))
  );
  const placed: PlacedFile[] = [];
  for (const entry of entries) {
    if (entry.path.startsWith('info/')) {
      continue;
    }
    const parts = entry.path.split('/');
    if (parts.some(part => !isSafeName(part)) || (prefix === '/' && NO_PLACE.has(parts[0] as string))) {
      throw new Refused(`"${entry.path}" in "${fileName}" would lie outside of the environment`, 'do not use this package');
    }
    const { path, data } = fileOf(entry, files, fileName);
    const info = marked.get(path);
    placed.push({
      path: isPython ? pythonPath(entry.path, site, fileName) : entry.path,
      data: info ? withPrefix(data, info, prefix === '/' ? '' : prefix) : data.slice(),
      executable: (entry.mode & 0o100) !== 0,
    });
  }
  return placed;
}

function pythonPath(path: string, site: string | null, fileName: string): string {
  if (site === null) {
    throw new Refused(`"${fileName}" is for Python, which the environment has not`);
  }
  return path.replace(/^site-packages\//, `${site}/`).replace(/^python-scripts\//, 'bin/');
}

/** Links become what they lead to: it is in the package, or they are not for us. */
function fileOf(entry: TarEntry, files: ReadonlyMap<string, TarEntry>, fileName: string, depth = 0): TarEntry {
  if (entry.kind === 'file') {
    return entry;
  }
  const parts = entry.kind === 'symlink' ? entry.path.split('/').slice(0, -1) : [];
  for (const part of entry.target.split('/')) {
    if (part === '..') {
      parts.pop();
    } else if (part !== '' && part !== '.') {
      parts.push(part);
    }
  }
  const target = files.get(parts.join('/'));
  if (!target || depth > 10) {
    throw new Refused(`"${entry.path}" in "${fileName}" leads to "${entry.target}", which is not in the package`);
  }
  return fileOf(target, files, fileName, depth + 1);
}

function json(files: ReadonlyMap<string, TarEntry>, path: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(files.get(path)?.data));
  } catch {
    return null;
  }
}

/** The place where a package was built becomes the environment's; in binaries what follows it moves up, to the next zero. */
function withPrefix(data: Uint8Array, { prefix_placeholder, file_mode }: PathInfo, prefix: string): Uint8Array {
  const latin = new TextDecoder('latin1');
  const content = [...chunks(data)].map(chunk => latin.decode(chunk)).join('');
  const placeholder = String(prefix_placeholder);
  const replaced =
    file_mode === 'binary'
      ? content.replace(new RegExp(`${placeholder.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}[^\\0]*`, 'g'), found =>
          found.replaceAll(placeholder, prefix).padEnd(found.length, '\0')
        )
      : content.replaceAll(placeholder, prefix);
  return Uint8Array.from(replaced, character => BYTES.get(character) ?? character.charCodeAt(0));
}

/** What browsers call latin1 is windows-1252: its characters, back to bytes. */
const BYTES = new Map(
  Array.from({ length: 256 }, (_, byte) => [new TextDecoder('latin1').decode(Uint8Array.of(byte)), byte] as const)
);

function* chunks(data: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < data.length; at += 1 << 20) {
    yield data.subarray(at, at + (1 << 20));
  }
}
