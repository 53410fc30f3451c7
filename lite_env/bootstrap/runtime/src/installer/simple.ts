/**
 * A package index by the simple repository API, as JSON or HTML
 * (https://packaging.python.org/specifications/simple-repository-api/).
 */
import type { Fetcher } from './fetch';
import { normalize } from './requirement';
import { Refused } from './refusal';
import { parseSpecifiers, type Specifier } from './version';
import { parseWheelName, type WheelName } from './wheel';

const ACCEPT = 'application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1';

/** A wheel that an index has. */
export interface IndexFile {
  readonly wheel: WheelName;
  readonly url: string;
  readonly sha256: string | null;
  readonly requiresPython: readonly Specifier[];
  /** Whether the index has its METADATA at `url` + `.metadata`, and with which SHA-256, if it says. */
  readonly metadata: { readonly sha256: string | null } | null;
  readonly yanked: boolean;
}

export interface Project {
  readonly wheels: readonly IndexFile[];
  /** Names of files that are not wheels. */
  readonly others: readonly string[];
}

/** The files of a project; null where the index has none of that name. */
export async function readProject(fetcher: Fetcher, index: string, name: string): Promise<Project | null> {
  const address = `${index.replace(/\/*$/, '/')}${normalize(name)}/`;
  const found = await fetcher.get(address, `the files of "${name}"`, ACCEPT);
  if (!found) {
    return null;
  }
  const text = new TextDecoder().decode(found.data);
  const listed = found.type.includes('json') ? fromJson(text, found.url) : fromHtml(text, found.url);
  const wheels: IndexFile[] = [];
  const others: string[] = [];
  for (const { fileName, ...file } of listed) {
    const wheel = parseWheelName(fileName);
    if (wheel?.name === normalize(name)) {
      wheels.push({ wheel, ...file });
    } else if (!fileName.endsWith('.metadata')) {
      others.push(fileName);
    }
  }
  return { wheels, others };
}

type Listed = Omit<IndexFile, 'wheel'> & { readonly fileName: string };

function fromJson(text: string, url: string): Listed[] {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw new Refused(`"${url}" does not answer as a package index: its JSON cannot be read`);
  }
  const files = (document as { files?: unknown } | null)?.files;
  if (!Array.isArray(files)) {
    throw new Refused(`"${url}" does not answer as a package index: found no list "files"`);
  }
  return files.flatMap((file: Record<string, unknown> | null) => {
    const { filename, url: address, hashes, yanked } = file ?? {};
    if (typeof filename !== 'string' || typeof address !== 'string') {
      return [];
    }
    const metadata = file?.['core-metadata'] ?? file?.['dist-info-metadata'];
    return listed(filename, address, url, {
      sha256: digestOf(hashes),
      requires: file?.['requires-python'],
      metadata: metadata ? { sha256: digestOf(metadata) } : null,
      yanked: yanked === true || typeof yanked === 'string',
    });
  });
}

function digestOf(hashes: unknown): string | null {
  const found = (hashes as Record<string, unknown> | null)?.['sha256'];
  return typeof found === 'string' && /^[0-9a-f]{64}$/i.test(found) ? found : null;
}

interface Said {
  readonly sha256: string | null;
  readonly requires: unknown;
  readonly metadata: IndexFile['metadata'];
  readonly yanked: boolean;
}

function listed(fileName: string, address: string, base: string, { requires, ...said }: Said): Listed[] {
  const requiresPython = parseSpecifiers(typeof requires === 'string' ? requires : '') ?? [];
  try {
    return [{ fileName, url: new URL(address, base).href, requiresPython, ...said }];
  } catch {
    return [];
  }
}

/** Links, whose attributes say what the keys of JSON do. */
function fromHtml(text: string, url: string): Listed[] {
  return [...text.matchAll(/<a\s([^>]*)>([^<]*)<\/a/gi)].flatMap(([, attributes = '', label = '']) => {
    const found = new Map(
      [...attributes.matchAll(/([\w-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"']+)))?/g)].map(
        ([, key = '', double, single, bare]) => [key.toLowerCase(), unescape(double ?? single ?? bare ?? '')] as const
      )
    );
    const [address = '', fragment = ''] = (found.get('href') ?? '').split('#');
    const digest = (value: string | undefined) => /(?:^|&)sha256=([0-9a-f]{64})(?:&|$)/i.exec(value ?? '')?.[1] ?? null;
    const metadata = found.get('data-core-metadata') ?? found.get('data-dist-info-metadata');
    return listed(unescape(label.trim()), address, url, {
      sha256: digest(fragment),
      requires: found.get('data-requires-python'),
      metadata: metadata === undefined || metadata === 'false' ? null : { sha256: digest(metadata) },
      yanked: found.has('data-yanked'),
    });
  });
}

function unescape(text: string): string {
  const names: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', '#39': "'", '#x27': "'" };
  return text.replace(/&(lt|gt|amp|quot|#39|#x27);/gi, (_, name: string) => names[name.toLowerCase()] as string);
}
