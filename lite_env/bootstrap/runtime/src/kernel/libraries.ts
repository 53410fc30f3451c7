import { BootError, describe } from '../errors';
import type { FileSystemHost, Linker } from '../fs/emscripten';
import { walk, type Tree } from '../pack/tree';

/**
 * Let the linker forget what it could not load: it keeps the name, and would take the library for loaded when it is
 * asked again. To be called while nothing is being loaded.
 */
export function forgetUnfinished({ LDSO }: Linker): void {
  for (const [name, library] of Object.entries(LDSO?.loadedLibsByName ?? {})) {
    if (library.exports === 'loading') {
      delete LDSO?.loadedLibsByName[name];
    }
  }
}

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
  /** Libraries whose needed ones are being loaded. */
  private readonly underWay = new Set<string>();

  constructor(
    private readonly module: FileSystemHost & Linker,
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

  /** Load what the library at this prefix-relative path needs; after a failure the next call tries again. */
  loadFor(path: string): void {
    if (this.done.has(path)) {
      return;
    }
    this.underWay.add(path);
    try {
      for (const name of this.tree.needed.get(path) ?? []) {
        if (!this.module.LDSO?.loadedLibsByName[name]) {
          this.load(name, path);
        }
      }
    } finally {
      this.underWay.delete(path);
    }
    this.done.add(path);
  }

  private load(name: string, wantedBy: string): void {
    const path = this.paths.get(name);
    if (path === undefined) {
      throw new BootError('AbiMismatch', `"${wantedBy}" needs the shared library "${name}", which no package holds`, {
        file: wantedBy,
        hint: `add the package that brings ${name} to the environment`,
      });
    }
    if (this.underWay.has(path)) {
      throw new BootError('AbiMismatch', `"${wantedBy}" and "${path}" need each other, so neither can be loaded first`, {
        file: wantedBy,
        hint: 'tell the maintainers of the package: one of the two must be linked without the other',
      });
    }
    this.loadFor(path);
    this.link(name, `${this.prefix === '/' ? '' : this.prefix}/${path}`, wantedBy);
  }

  private link(name: string, absolute: string, wantedBy: string): void {
    const { FS, LDSO, loadDynamicLibrary } = this.module;
    try {
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
    } catch (cause) {
      // The linker keeps what it could not load, and would take it for loaded.
      delete LDSO?.loadedLibsByName[absolute];
      const message = `"${wantedBy}" needs the shared library "${name}", which cannot be loaded: ${describe(cause)}`;
      throw new BootError('KernelFailed', message, { file: wantedBy, cause });
    }
    const loaded = LDSO?.loadedLibsByName[absolute];
    if (LDSO && loaded) {
      LDSO.loadedLibsByName[name] = loaded;
    }
  }
}
