import { BootError, describe } from '../errors';
import { Checker, isSafeName } from './check';
import type { ArchiveInfo } from './manifest';

/** One file of the environment: where its bytes lie. */
export interface FileEntry {
  readonly kind: 'file';
  readonly size: number;
  readonly archive: number;
  readonly offset: number;
  readonly executable: boolean;
}

export interface LinkEntry {
  readonly kind: 'link';
  readonly target: string;
}

export interface FolderEntry {
  readonly kind: 'folder';
  readonly children: ReadonlyMap<string, TreeEntry>;
}

export type TreeEntry = FileEntry | LinkEntry | FolderEntry;

export interface Tree {
  readonly root: FolderEntry;
  /** The files that are not empty, by their archive. */
  readonly held: ReadonlyMap<number, readonly FileEntry[]>;
  /** Shared libraries that need others: prefix-relative path to the bare names in its dylink section. */
  readonly needed: ReadonlyMap<string, readonly string[]>;
}

/** Read and check the index; `archives` bounds what it may point to. */
export function parseTree(data: Uint8Array, path: string, archives: readonly ArchiveInfo[]): Tree {
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data));
  } catch (cause) {
    throw new BootError('ManifestInvalid', `"${path}" is not JSON: ${describe(cause)}`, {
      file: path,
      hint: 'the pack is broken: make it again',
      cause,
    });
  }
  const check = new Checker(path);
  const top = check.object(document, 'the top');
  const needed = Object.entries(check.object(top['needed'], 'needed')).map(
    ([library, names]) =>
      [library, check.array(names, `needed["${library}"]`, (name, where) => check.string(name, where))] as const
  );
  const reader = new TreeReader(check, archives);
  const root = folder(reader, check.object(top['tree'], 'tree'), 'tree');
  return { root, held: reader.held, needed: new Map(needed) };
}

/** What a path relative to the root leads to, through links in place of files; null where that is no file. */
export function fileBehind(tree: Tree, path: string, links = MOST_LINKS): FileEntry | null {
  const found = entryAt(tree, path);
  if (found?.kind !== 'link' || links === 0) {
    return found?.kind === 'file' ? found : null;
  }
  const parts = path.split('/').slice(0, -1);
  for (const part of found.target.split('/')) {
    part === '..' ? parts.pop() : parts.push(part);
  }
  return fileBehind(tree, parts.join('/'), links - 1);
}

/** As many as Linux follows. */
const MOST_LINKS = 40;

/** The file at a path relative to the root; null where there is none. */
export function fileAt(tree: Tree, path: string): FileEntry | null {
  const found = entryAt(tree, path);
  return found?.kind === 'file' ? found : null;
}

function entryAt({ root }: Tree, path: string): TreeEntry | undefined {
  let found: TreeEntry | undefined = root;
  for (const name of path.split('/')) {
    found = found?.kind === 'folder' ? found.children.get(name) : undefined;
  }
  return found;
}

class TreeReader {
  /** By archive its files, and the bytes that they have together. */
  private readonly archived = new Map<number, { files: FileEntry[]; bytes: number }>();

  constructor(
    readonly check: Checker,
    readonly archives: readonly ArchiveInfo[]
  ) {}

  get held(): Map<number, readonly FileEntry[]> {
    return new Map([...this.archived].map(([archive, { files }]) => [archive, files]));
  }

  entry(value: unknown, where: string): TreeEntry {
    if (typeof value === 'string') {
      return { kind: 'link', target: value };
    }
    if (Array.isArray(value)) {
      return this.file(value, where);
    }
    return folder(this, this.check.object(value, where), where);
  }

  private file(value: unknown[], where: string): FileEntry {
    const [size, archive, offset, executable] = value;
    const position = this.check.size(archive, `${where}[1]`);
    const bounds = this.archives[position] ?? this.check.fail(`${where}[1]`, archive, 'the position of an archive');
    const entry: FileEntry = {
      kind: 'file',
      size: this.check.size(size, `${where}[0]`),
      archive: position,
      offset: this.check.size(offset, `${where}[2]`),
      executable: executable === 1,
    };
    if (entry.offset + entry.size > bounds.rawSize) {
      this.check.fail(where, value, `a range inside the ${bounds.rawSize} bytes of its archive`);
    }
    if (entry.size > 0) {
      this.hold(entry, bounds.rawSize, where);
    }
    return entry;
  }

  private hold(entry: FileEntry, rawSize: number, where: string): void {
    const held = this.archived.get(entry.archive) ?? { files: [], bytes: 0 };
    held.files.push(entry);
    held.bytes += entry.size;
    // Each is inflated into a place of its own: no file may ask for bytes that are another one's, too.
    if (held.bytes > rawSize) {
      this.check.fail(where, held.bytes, `bytes of files in an archive of ${rawSize}`);
    }
    this.archived.set(entry.archive, held);
  }
}

function folder(reader: TreeReader, value: Record<string, unknown>, where: string): FolderEntry {
  const children = new Map<string, TreeEntry>();
  for (const [name, child] of Object.entries(value)) {
    if (!isSafeName(name)) {
      reader.check.fail(where, name, 'a file name');
    }
    children.set(name, reader.entry(child, `${where}/${name}`));
  }
  return { kind: 'folder', children };
}

/** Every file below a folder with its path, parents first. */
export function* walk(folder: FolderEntry, prefix = ''): Generator<[string, TreeEntry]> {
  for (const [name, entry] of folder.children) {
    const path = prefix ? `${prefix}/${name}` : name;
    yield [path, entry];
    if (entry.kind === 'folder') {
      yield* walk(entry, path);
    }
  }
}
