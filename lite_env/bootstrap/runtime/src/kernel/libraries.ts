import { BootError } from '../errors';
import { walk, type Tree } from '../pack/tree';
import type { EmscriptenModule, FileSystem } from './emscripten';

/**
 * Loads what a shared library needs before the library itself.
 *
 * Emscripten before 4 asks `locateFile` for a NEEDED library and never the file system, so a library that another
 * one brings is not found. The pack's index names what each library needs; when one is opened, the needed ones are
 * loaded first, recursively, and registered by their bare names, under which the dynamic linker then finds them.
 */
export class NeededLibraries {
  private readonly paths = new Map<string, string>();
  private readonly done = new Set<string>();

  constructor(
    private readonly module: EmscriptenModule & { FS: FileSystem },
    private readonly tree: Tree,
    private readonly prefix: string
  ) {
    const wanted = new Set([...tree.needed.values()].flat());
    for (const [path, entry] of wanted.size > 0 ? walk(tree.root) : []) {
      const name = path.slice(path.lastIndexOf('/') + 1);
      // The first wins: the walk is sorted, so `lib/` comes before a package's own folder of the same name.
      if (entry.kind !== 'folder' && wanted.has(name) && !this.paths.has(name)) {
        this.paths.set(name, path);
      }
    }
  }

  /** Load what the library at this prefix-relative path needs. */
  loadFor(path: string): void {
    if (this.done.has(path)) {
      return;
    }
    this.done.add(path);
    for (const name of this.tree.needed.get(path) ?? []) {
      if (!this.module.LDSO?.loadedLibsByName[name]) {
        this.load(name, path);
      }
    }
  }

  private load(name: string, wantedBy: string): void {
    const path = this.paths.get(name);
    if (path === undefined) {
      throw new BootError('AbiMismatch', `"${wantedBy}" needs the shared library "${name}", which no package holds`, {
        file: wantedBy,
        hint: `add the package that brings ${name} to the environment`,
      });
    }
    this.loadFor(path);
    const absolute = `${this.prefix === '/' ? '' : this.prefix}/${path}`;
    const { FS, LDSO, loadDynamicLibrary } = this.module;
    loadDynamicLibrary?.(absolute, {
      loadAsync: false,
      global: true,
      nodelete: true,
      allowUndefined: true,
      fs: {
        findObject: (file: string) => FS.lookupPath(file).node,
        readFile: (file: string) => FS.readFile(file),
      },
    });
    const loaded = LDSO?.loadedLibsByName[absolute];
    if (LDSO && loaded) {
      LDSO.loadedLibsByName[name] = loaded;
    }
  }
}
