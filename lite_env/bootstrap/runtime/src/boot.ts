import { mountDrive, openChannel } from './drive/mount';
import { BootError, describe, failureOf, type Failure } from './errors';
import { hasFileSystem, LazyTree } from './fs/lazy';
import { Inflater } from './io/inflate';
import { Source } from './io/source';
import type { Transport } from './io/transport';
import type { EmscriptenModule, FileSystem, KernelServer } from './kernel/emscripten';
import { importedModules } from './kernel/imports';
import { NeededLibraries } from './kernel/libraries';
import { createModule } from './kernel/module';
import type { StreamName } from './kernel/output';
import { startInterpreter, startKernel } from './kernel/xeus';
import { ArchiveStore } from './pack/archives';
import { parseManifest, selectKernel, type KernelInfo, type Manifest } from './pack/manifest';
import { parseTree, type Tree } from './pack/tree';
import type { DriveSource, Emit, Figures, Trace } from './protocol';

export interface BootOptions {
  readonly transport: Transport;
  readonly kernel?: string | null | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** What is mounted before the interpreter starts; awaited while files are fetched. */
  readonly drive?: Promise<DriveSource | null> | undefined;
  /** Keep which files are opened. */
  readonly trace?: boolean | undefined;
  readonly emit: Emit;
  /** Takes the lines that the program writes to descriptors 1 and 2 itself; without it they are logged only. */
  print?: ((name: StreamName, line: string) => void) | undefined;
  /** Turns a path in the pack into what the kernel's glue can fetch by itself. */
  locate(path: string): string;
}

export interface Booted {
  readonly kernel: KernelInfo;
  readonly module: EmscriptenModule;
  readonly server: KernelServer;
  /** Whether a drive is shown. */
  readonly drive: boolean;
  /** Empty unless a trace was asked for. */
  readonly trace: Trace;
  /** Fetch what a cell is about to import, in parallel and before it blocks the worker. */
  prepare(code: string): Promise<unknown>;
  figures(): Figures;
}

/**
 * Start a packed kernel: manifest, then index, glue, wasm and what the interpreter opens in parallel, then the tree and
 * the interpreter, while what the kernel opens arrives, then the kernel. Every failure is a `BootError`.
 */
export async function boot(options: BootOptions): Promise<Booted> {
  const source = new Source(options.transport, options.emit);
  const manifest = parseManifest(await source.readUnchecked('manifest.json', 'manifest'));
  const kernel = selectKernel(manifest, options.kernel);
  const files = new Inflater(source);
  const archives = new ArchiveStore(manifest.archives, source, files.zstd);

  const pendingTree = fetchTree(manifest, files);
  const forInterpreter = archives.fetchAll(kernel.start.interpreter);
  const variables = { ...manifest.variables, ...options.env };
  const pendingModule = createModule(kernel, files, options.transport, options.locate, {
    print: text => {
      options.emit({ type: 'log', level: 'info', text });
      options.print?.('stdout', text);
    },
    printErr: text => {
      options.emit({ type: 'log', level: 'warn', text });
      options.print?.('stderr', text);
    },
    variables,
  });

  archives.announce(kernel.start.kernel);
  // Only when the module has all but come: until then it needs the whole link.
  const forKernel = source.nearly(kernel.wasm.path).then(() => archives.fetchAll(kernel.start.kernel));
  forKernel.catch(() => undefined); // Told when it is waited for.

  // All at once: the first failure ends the start, however long the others still take.
  const [module, index, drive] = await Promise.all([pendingModule, pendingTree, options.drive, forInterpreter]);
  archives.expect(index.held);
  let lost: Failure | undefined;
  const emitLost = (failure: Failure) => {
    lost ??= failure;
    options.emit({ type: 'error', error: failure, fatal: false });
  };
  const opened: string[] | undefined = options.trace ? [] : undefined;
  const tree = hasFileSystem(module) ? mountTree(module, manifest, index, archives, emitLost, opened) : null;
  setVariables(module, variables);
  const enter = drive ? showDrive(module, drive, options.emit) : null;
  options.emit({ type: 'progress', phase: 'interpreter', file: kernel.script.path, loaded: 0, total: 0 });
  const explained = (error: unknown) => {
    throw rootCause(error, lost);
  };
  await startInterpreter(module, kernel, manifest.mounts.prefix).catch(explained);
  const openedByInterpreter = opened?.length ?? 0;
  await forKernel;
  const server = await startKernel(module, kernel).catch(explained);
  enter?.();
  return {
    kernel,
    module,
    server,
    drive: enter !== null,
    trace: { files: opened ?? [], interpreter: openedByInterpreter },
    prepare: code => prepareImports(code, kernel, manifest, archives),
    figures: () => source.figures(tree?.filled ?? 0),
  };
}

async function fetchTree({ index, archives }: Manifest, files: Inflater): Promise<Tree> {
  return parseTree(await files.read(index, 'index'), index.path, archives);
}

function prepareImports(
  code: string,
  kernel: KernelInfo,
  { imports }: Manifest,
  archives: ArchiveStore
): Promise<unknown> {
  const modules = imports.size > 0 && kernel.language === 'python' ? importedModules(code) : [];
  const positions = new Set(modules.flatMap(name => imports.get(name) ?? []));
  // What fails here fails again when the file is opened, and is told then.
  return Promise.allSettled([...positions].map(position => archives.fetchAhead(position)));
}

function mountTree(
  module: EmscriptenModule & { FS: NonNullable<EmscriptenModule['FS']> },
  manifest: Manifest,
  index: Tree,
  archives: ArchiveStore,
  onLost: (failure: Failure) => void,
  opened: string[] | undefined
): LazyTree {
  // Emscripten 4 looks needed libraries up in the file system by itself.
  const libraries = module.init_phase_1 ? null : new NeededLibraries(module, index, manifest.mounts.prefix);
  const tree = new LazyTree(module, {
    readFile: entry => archives.readFile(entry),
    onFirstOpen: path => {
      opened?.push(path);
      libraries?.loadFor(path);
    },
    watchEmpty: opened !== undefined,
    onError: error => onLost(failureOf(error, 'reading a file')),
  });
  tree.mount(index.root, manifest.mounts.prefix);
  return tree;
}

/** An interpreter that could not read a file says nothing of why; the read does. */
function rootCause(error: unknown, lost: Failure | undefined): unknown {
  if (!lost) {
    return error;
  }
  const { name, message, file, hint } = lost;
  const where = { ...(file === null ? {} : { file }), ...(hint === null ? {} : { hint }), cause: error };
  return new BootError(name, `${message}; so ${describe(error)}`, where);
}

/** Mount the drive; the answer makes it the working folder, once the interpreter has looked for its own files. */
function showDrive(module: EmscriptenModule, source: DriveSource, emit: Emit): (() => void) | null {
  if (!hasFileSystem(module)) {
    emit({ type: 'log', level: 'warn', text: `this kernel has no file system: there is no ${source.mountpoint}` });
    return null;
  }
  mountDrive(module, source, openChannel(source, emit), failure =>
    emit(
      failure
        ? { type: 'error', error: failure, fatal: false }
        : { type: 'log', level: 'info', text: `${source.mountpoint} answers again` }
    )
  );
  return () => enterDrive(module.FS, source);
}

function enterDrive(fs: FileSystem, { mountpoint, cwd }: DriveSource): void {
  try {
    fs.chdir?.(cwd ? `${mountpoint}/${cwd}` : mountpoint);
  } catch {
    throw new BootError('DriveFailed', `${mountpoint} has no folder "${cwd}" to start in`, { file: mountpoint });
  }
}

function setVariables(module: EmscriptenModule, variables: Readonly<Record<string, string>>): void {
  const entries = Object.entries(variables);
  if (!module.setenv && module.ENV) {
    return; // They were put there before its first instruction.
  }
  if (entries.length > 0 && !module.setenv) {
    throw new BootError('AbiMismatch', `this kernel cannot be given environment variables: ${entries[0]?.[0]} is set`, {
      file: 'manifest.json',
      hint: 'remove `variables` from the environment file',
    });
  }
  for (const [name, value] of entries) {
    module.setenv?.(name, value);
  }
}
