/** The environment's files while the kernel runs: what is installed in them, and how files come and go. */
import type { FileSystem } from '../fs/emscripten';
import type { Installation } from '../kernel/installation';
import { parseMetadata } from './metadata';
import { ownersOf } from './owners';
import { normalize, type Requirement } from './requirement';
import { Refused } from './refusal';
import { parseVersion, type Version } from './version';
import { parseRows, type PlacedFile } from './wheel';

/** What installers do with a file system beyond what a start does. */
export interface WritableFileSystem extends FileSystem {
  writeFile(path: string, data: Uint8Array): void;
  chmod(path: string, mode: number): void;
  unlink(path: string): void;
  rmdir(path: string): void;
  readdir(path: string): string[];
  utime(path: string, atime: number, mtime: number): void;
  cwd(): string;
}

/** A package that Python sees. */
export interface Distribution {
  /** Normalized. */
  readonly name: string;
  /** As its folder has it. */
  readonly title: string;
  readonly version: Version;
  /** Of its `.dist-info`, absolute; null where a conda package has none. */
  readonly folder: string | null;
  /** Who brought it: a conda package or a wheel of the environment, or an install of this session. */
  readonly origin: 'conda' | 'wheel' | 'session';
  requires(): readonly Requirement[];
  summary(): string;
}

/** The files of any environment. */
export class FileTree {
  readonly fs: WritableFileSystem;
  protected readonly prefix: string;
  /** site-packages, relative to the prefix; empty where there is no Python. */
  readonly site: string;
  private owners: Promise<Map<string, string>> | undefined;

  constructor(protected readonly kernel: Installation) {
    const { files, prefix } = kernel;
    const { python } = kernel.kernel.runtime;
    this.fs = writable(files?.FS ?? null);
    this.prefix = prefix === '/' ? '' : prefix;
    this.site = python === null ? '' : `lib/python${python.split('.').slice(0, 2).join('.')}/site-packages`;
  }

  absolute(path: string): string {
    return `${this.prefix}/${path}`;
  }

  /** Put files there; the folders that Python looks into are seen as changed. */
  place(files: readonly PlacedFile[]): void {
    const folders = new Set<string>();
    for (const { path, data, executable } of files) {
      const absolute = this.absolute(path);
      const folder = absolute.slice(0, absolute.lastIndexOf('/'));
      if (!folders.has(folder)) {
        this.fs.mkdirTree(folder);
        folders.add(folder);
      }
      this.forgetBytecode(absolute);
      this.fs.writeFile(absolute, data);
      this.fs.chmod(absolute, executable ? 0o755 : 0o644);
    }
    this.touch(folders);
  }

  /** Remove files, with the bytecode that is kept of them and the folders that get empty. */
  remove(files: readonly string[]): void {
    const folders = new Set<string>();
    for (const path of files) {
      this.forgetBytecode(path);
      this.unlink(path);
      folders.add(path.slice(0, path.lastIndexOf('/')));
    }
    this.touch(folders);
    [...folders].sort((a, b) => b.length - a.length).forEach(folder => this.removeEmpty(folder));
  }

  /** The absolute paths of the files that a package of the pack brought. */
  async packedFiles(name: string): Promise<string[]> {
    return [...(await this.ownersOfFiles())].flatMap(([path, owner]) => (owner === name ? [this.absolute(path)] : []));
  }

  protected ownersOfFiles(): Promise<Map<string, string>> {
    return (this.owners ??= ownersOf(this.kernel));
  }

  private entries(folder: string): string[] {
    return this.fs.readdir(folder).filter(name => name !== '.' && name !== '..');
  }

  /** Bytecode of a pack is not compared with its source: what is kept of a file that is replaced would win over it. */
  private forgetBytecode(path: string): void {
    const [, folder, module] = /^(.*)\/([^/]+)\.py$/.exec(path) ?? [];
    if (folder === undefined || module === undefined) {
      return;
    }
    try {
      const cache = `${folder}/__pycache__`;
      this.entries(cache)
        .filter(name => name.startsWith(`${module}.`) && name.endsWith('.pyc'))
        .forEach(name => this.unlink(`${cache}/${name}`));
    } catch {
      // None is kept.
    }
  }

  private unlink(path: string): void {
    try {
      this.fs.unlink(path);
    } catch {
      // It is gone already.
    }
  }

  private removeEmpty(folder: string): void {
    const site = this.absolute(this.site);
    for (let at = folder; at.startsWith(`${site}/`); at = at.slice(0, at.lastIndexOf('/'))) {
      try {
        const cache = `${at}/__pycache__`;
        if (this.entries(at).join() === '__pycache__' && this.entries(cache).length === 0) {
          this.fs.rmdir(cache);
        }
        this.fs.rmdir(at);
      } catch {
        return; // It holds something else, or is gone.
      }
    }
  }

  /** Python keeps what it saw in a folder until the folder's time is another one. */
  private touch(folders: ReadonlySet<string>): void {
    const now = Date.now();
    for (const folder of new Set([...folders, this.absolute(this.site)])) {
      try {
        const { node } = this.fs.lookupPath(folder);
        const time = Math.max(now, Math.floor(Number(node.mtime ?? node.timestamp)) + 1000);
        this.fs.utime(folder, time, time);
      } catch {
        // It was removed.
      }
    }
  }
}

/** The same where Python is, with what it knows of itself. */
export class EnvironmentTree extends FileTree {
  /** `3.11.3`. */
  readonly python: string;

  constructor(kernel: Installation) {
    const { language, runtime } = kernel.kernel;
    if (language !== 'python' || runtime.python === null) {
      throw new Refused(`pip is for Python, and this kernel is for ${language}`);
    }
    super(kernel);
    this.python = runtime.python;
  }

  /** All that Python's own metadata knows, by name, and what conda packages have that brought none. */
  installed(): Map<string, Distribution> {
    const folder = this.absolute(this.site);
    const packed = packagesOf(this.kernel.manifest);
    const found = new Map<string, Distribution>();
    for (const entry of this.fs.readdir(folder)) {
      const [, title = '', text = ''] = /^(.+)-([^-]+)\.dist-info$/.exec(entry) ?? [];
      const version = parseVersion(text);
      if (version) {
        const name = normalize(title);
        found.set(name, this.distribution(name, title, version, `${folder}/${entry}`, packed));
      }
    }
    // Some conda builds of these have no metadata; every other package is known by it.
    for (const name of ['pip', 'setuptools', 'wheel']) {
      const version = parseVersion(packed.get(name)?.version ?? '');
      if (version && !found.has(name)) {
        found.set(name, {
          name,
          title: name,
          version,
          folder: null,
          origin: 'conda',
          requires: () => [],
          summary: () => '',
        });
      }
    }
    return found;
  }

  private distribution(
    name: string,
    title: string,
    version: Version,
    folder: string,
    packed: ReadonlyMap<string, Packed>
  ): Distribution {
    const read = () => parseMetadata(this.fs.readFile(`${folder}/METADATA`), `"${folder}/METADATA"`);
    const own = this.isOfSession(folder);
    const origin = own ? 'session' : packed.get(name)?.manager === 'wheel' ? 'wheel' : 'conda';
    return { name, title, version, folder, origin, requires: () => read().requires, summary: () => read().summary };
  }

  private isOfSession(folder: string): boolean {
    try {
      return new TextDecoder().decode(this.fs.readFile(`${folder}/INSTALLER`)).trim() === 'lite-env';
    } catch {
      return false;
    }
  }

  /** The absolute paths of a package's files: as RECORD says, or, which packs leave out, as the pack's archives count them. */
  async filesOf({ folder, name }: Distribution): Promise<string[]> {
    if (folder === null) {
      throw new Refused(`"${name}" is a conda package without metadata: pip cannot replace or remove it`);
    }
    const site = this.absolute(this.site);
    const record = this.text(`${folder}/RECORD`);
    if (record !== null) {
      return parseRows(record).flatMap(([path = '']) => this.inside(`${site}/${path}`) ?? []);
    }
    const owner = (await this.ownersOfFiles()).get(`${folder}/METADATA`.slice(this.prefix.length + 1));
    return owner === undefined ? [] : this.packedFiles(owner);
  }

  /** A path without `..`; null where it leaves the environment. */
  private inside(path: string): string | null {
    const parts: string[] = [];
    for (const part of path.split('/')) {
      if (part === '..') {
        parts.pop();
      } else if (part !== '' && part !== '.') {
        parts.push(part);
      }
    }
    const joined = `/${parts.join('/')}`;
    return joined.startsWith(`${this.prefix}/`) && !/^\/(dev|drive|proc)\//.test(joined) ? joined : null;
  }

  private text(path: string): string | null {
    try {
      return new TextDecoder().decode(this.fs.readFile(path));
    } catch {
      return null;
    }
  }
}

/** What of a package in the manifest is asked for. */
export interface Packed {
  readonly name: string;
  readonly version: string;
  readonly manager: string;
  /** Match specs. */
  readonly depends: readonly string[];
}

/** The packages of the environment by their normalized names. */
export function packagesOf(manifest: Uint8Array): Map<string, Packed> {
  const document = JSON.parse(new TextDecoder().decode(manifest)) as { environment?: { packages?: unknown } };
  const packages = document.environment?.packages;
  const found = new Map<string, Packed>();
  for (const entry of Array.isArray(packages) ? (packages as Record<string, unknown>[]) : []) {
    const { name, version, manager, depends } = entry;
    if (typeof name === 'string' && typeof version === 'string') {
      found.set(normalize(name), {
        name,
        version,
        manager: manager === 'wheel' ? 'wheel' : 'conda',
        depends: Array.isArray(depends) ? depends.filter(spec => typeof spec === 'string') : [],
      });
    }
  }
  return found;
}

function writable(fs: FileSystem | null): WritableFileSystem {
  if (!fs) {
    throw new Refused('this kernel has no file system to install into');
  }
  return fs as WritableFileSystem;
}
