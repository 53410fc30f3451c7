/** Wheels (https://packaging.python.org/specifications/binary-distribution-format/). */
import { sha256Hex } from '../io/digest';
import { isSafeName } from '../pack/check';
import { toUrlSafe } from './base64url';
import { parseMetadata, type Metadata } from './metadata';
import { normalize } from './requirement';
import { Refused } from './refusal';
import { parseVersion, type Version } from './version';
import { readZip, type ZipEntry } from './zip';

/** What a wheel's file name says. */
export interface WheelName {
  readonly fileName: string;
  /** Normalized. */
  readonly name: string;
  readonly version: Version;
  readonly build: string;
  readonly pythons: readonly string[];
  readonly abis: readonly string[];
  readonly platforms: readonly string[];
}

/** Null where it is not the name of a wheel. */
export function parseWheelName(fileName: string): WheelName | null {
  const match = /^([^-]+)-([^-]+)(?:-(\d[^-]*))?-([^-]+)-([^-]+)-([^-]+)\.whl$/.exec(fileName);
  const version = parseVersion(match?.[2] ?? '');
  if (!match || !version) {
    return null;
  }
  const [, name = '', , build = '', pythons = '', abis = '', platforms = ''] = match;
  return {
    fileName,
    name: normalize(name),
    version,
    build,
    pythons: pythons.split('.'),
    abis: abis.split('.'),
    platforms: platforms.split('.'),
  };
}

/** Why a wheel cannot be used with that Python (`3.11.3`); null where it can: only what is pure runs in every kernel. */
export function whyNotTag({ pythons, abis, platforms, fileName }: WheelName, python: string): string | null {
  if (!abis.includes('none') || !platforms.includes('any')) {
    return `"${fileName}" is compiled for ${platforms.join(', ')} (its tag), which no kernel in a browser is`;
  }
  const [major, minor] = python.split('.').map(Number) as [number, number];
  const runs = pythons.some(tag => {
    const [, kind, ofMajor, ofMinor] = /^(py|cp)(\d)(\d*)$/.exec(tag) ?? [];
    return (
      Number(ofMajor) === major && (ofMinor === '' || (kind === 'cp' ? Number(ofMinor) === minor : Number(ofMinor) <= minor))
    );
  });
  return runs ? null : `"${fileName}" is for ${pythons.join(', ')} (its tag), and the kernel runs Python ${major}.${minor}`;
}

/** One file of a distribution where it belongs: below the prefix. */
export interface PlacedFile {
  readonly path: string;
  readonly data: Uint8Array;
  readonly executable: boolean;
}

export interface Wheel {
  readonly metadata: Metadata;
  /** Files, RECORD among them, as they are installed. */
  files(site: string): Promise<PlacedFile[]>;
}

/** Open a wheel whose bytes were checked. @throws Refused when it is not one, or not that one. */
export async function openWheel(data: Uint8Array, name: WheelName): Promise<Wheel> {
  const entries = readZip(data, name.fileName);
  const infos = new Set(
    entries.map(entry => entry.name.split('/')[0] as string).filter(folder => folder.endsWith('.dist-info'))
  );
  const [info] = [...infos];
  const find = (file: string) => entries.find(entry => entry.name === `${info}/${file}`);
  const metadata = find('METADATA');
  if (infos.size !== 1 || !info || !metadata) {
    throw new Refused(`"${name.fileName}" is not a wheel: it has no METADATA`);
  }
  const read = parseMetadata(await metadata.read(), `METADATA of "${name.fileName}"`);
  if (read.name !== name.name) {
    throw new Refused(
      `"${name.fileName}" holds the package "${read.name}"`,
      'the file was renamed: give it its own name again'
    );
  }
  return { metadata: read, files: site => placedFiles(entries, info, name, site) };
}

async function placedFiles(
  entries: readonly ZipEntry[],
  info: string,
  wheel: WheelName,
  site: string
): Promise<PlacedFile[]> {
  const record = await readRecord(entries, info, wheel.fileName);
  const files: PlacedFile[] = [];
  for (const entry of entries) {
    const path = placeOf(entry.name, info, site, wheel.fileName);
    const isRecord = /^RECORD(\.jws|\.p7s)?$/.test(entry.name.slice(info.length + 1)) && entry.name.startsWith(`${info}/`);
    if (path === null || isRecord) {
      continue;
    }
    const data = await entry.read();
    const wanted = record.get(entry.name);
    // Other digests than SHA-256 are allowed, and of no wheel that is seen.
    if (wanted === undefined || (wanted.startsWith('sha256=') && wanted !== `sha256=${toUrlSafe(await sha256Hex(data))}`)) {
      const why = wanted === undefined ? 'RECORD does not name it' : 'it has another SHA-256 than RECORD says';
      throw new Refused(`"${entry.name}" in "${wheel.fileName}" is not what the wheel's maker put there: ${why}`);
    }
    files.push({ path, data, executable: (entry.mode & 0o100) !== 0 || path.startsWith('bin/') });
  }
  files.push(text(`${site}/${info}/INSTALLER`, 'lite-env\n'));
  return [...files, await recordOf(files, `${site}/${info}/RECORD`, site)];
}

async function readRecord(entries: readonly ZipEntry[], info: string, fileName: string): Promise<Map<string, string>> {
  const entry = entries.find(({ name }) => name === `${info}/RECORD`);
  if (!entry) {
    throw new Refused(`"${fileName}" is not a wheel: it has no RECORD`);
  }
  const rows = parseRows(new TextDecoder().decode(await entry.read()));
  return new Map(rows.map(([path = '', hash = '']) => [path, hash.replace(/=+$/, '')]));
}

/** Rows of comma-separated values, quoted where they need it. */
export function parseRows(content: string): string[][] {
  return content
    .split(/\r?\n/)
    .filter(line => line !== '')
    .map(line =>
      [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
        ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? ''
      )
    );
}

/** RECORD of the files as they lie in the environment, from which they can be removed again. */
async function recordOf(files: readonly PlacedFile[], own: string, site: string): Promise<PlacedFile> {
  const relative = (path: string) =>
    path.startsWith(`${site}/`) ? path.slice(site.length + 1) : `${'../'.repeat(site.split('/').length)}${path}`;
  const quoted = (path: string) => (/[",]/.test(path) ? `"${path.replaceAll('"', '""')}"` : path);
  const rows: string[] = [];
  for (const { path, data } of files) {
    rows.push(`${quoted(relative(path))},sha256=${toUrlSafe(await sha256Hex(data))},${data.length}`);
  }
  return text(own, [...rows, `${quoted(relative(own))},,`, ''].join('\n'));
}

function text(path: string, content: string): PlacedFile {
  return { path, data: new TextEncoder().encode(content), executable: false };
}

/** Folders that a kernel shows beside the environment. */
const NO_PLACE = new Set(['dev', 'drive', 'files', 'proc', 'tmp']);

/** Where in the prefix a file of the wheel belongs; null where it has no use here. */
function placeOf(name: string, info: string, site: string, wheel: string): string | null {
  const parts = name.split('/');
  if (parts.some(part => !isSafeName(part))) {
    throw new Refused(`"${name}" in "${wheel}" would lie outside of the environment`, 'do not use this wheel');
  }
  if (parts[0] !== info.replace(/\.dist-info$/, '.data')) {
    return `${site}/${name}`;
  }
  const rest = parts.slice(2).join('/');
  if (rest === '' || (parts[1] === 'data' && NO_PLACE.has(parts[2] as string))) {
    throw new Refused(`"${name}" in "${wheel}" would lie outside of the environment`, 'do not use this wheel');
  }
  switch (parts[1]) {
    case 'purelib':
    case 'platlib':
      return `${site}/${rest}`;
    case 'data':
      return rest;
    case 'scripts':
      return `bin/${rest}`;
    default:
      return null; // Headers: nothing is compiled here.
  }
}
