import { mountDrive, openChannel, type MountedSource } from './drive/mount';
import { BootError, describe, failureOf, type Failure } from './errors';
import { readKernel } from './family/index';
import type { Loaded, Running } from './family/runtime';
import type { FileSystem, FileSystemHost } from './fs/emscripten';
import { LazyTree } from './fs/lazy';
import { Inflater } from './io/inflate';
import { Source } from './io/source';
import type { Transport } from './io/transport';
import { ofNearest } from './kernel/imports';
import type { Installation } from './kernel/installation';
import type { StreamName } from './kernel/output';
import type { KernelNetwork } from './network/kernel';
import { ArchiveStore } from './pack/archives';
import { MANIFEST, parseManifest, selectKernel, type Manifest, type PackedKernel, type WorkerKind } from './pack/manifest';
import { fileAt, parseTree, type Tree } from './pack/tree';
import type { DriveSource, Emit, Figures, Prefetch, Trace } from './protocol';

export interface BootOptions {
  readonly transport: Transport;
  readonly kernel?: string | null | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** What is mounted before the interpreter starts; awaited while files are fetched. */
  readonly drive?: Promise<DriveSource | null> | undefined;
  /** Keep which files are opened. */
  readonly trace?: boolean | undefined;
  /** Whether the kernel's start-up code is wanted; it is where nothing is said. */
  readonly startup?: boolean | undefined;
  /** What carries the HTTP requests of the kernel's programs. */
  readonly network: KernelNetwork;
  /** The global object of this worker, and what it runs; both kinds where nobody says. */
  readonly scope: object;
  readonly worker?: WorkerKind | undefined;
  readonly emit: Emit;
  /** Takes what the kernel sends. */
  post(message: unknown): void;
  /** Takes the lines that the program writes to descriptors 1 and 2 itself; without it they are logged only. */
  print?: ((name: StreamName, line: string) => void) | undefined;
  /** Turns a path in the pack into what the kernel's glue can fetch by itself. */
  locate(path: string): string;
}

/** What runs in a kernel before its first cell. */
export interface StartupCode {
  /** Where it lies in the environment. */
  readonly file: string;
  /** Where the kernel finds it, if it finds files. */
  readonly path: string;
  readonly text: string;
}

export interface Booted {
  readonly kernel: PackedKernel;
  /** The kernel's largest file, which is blamed for what it does not explain itself. */
  readonly main: string;
  readonly running: Running;
  readonly files: FileSystemHost | null;
  readonly installation: Installation;
  /** What is to run before the first cell. */
  readonly startup: StartupCode | null;
  /** Whether a drive is shown. */
  readonly drive: boolean;
  /** Empty unless a trace was asked for. */
  readonly trace: Trace;
  /** Fetch what a cell is about to import, in parallel and before it blocks the worker. */
  prepare(code: string): Promise<unknown>;
  /** Load archives into the browser's caches, each once `idle` settles; what fails is told when it is opened. */
  prefetch(what: Prefetch, idle: () => Promise<void>): Promise<void>;
  figures(): Figures;
}

/**
 * Start a packed kernel: manifest, then index, glue, wasm and what the interpreter opens in parallel, then the tree and
 * the interpreter, while what the kernel opens arrives, then the kernel. Every failure is a `BootError`.
 */
export async function boot(options: BootOptions): Promise<Booted> {
  const { emit, transport } = options;
  const source = new Source(transport, emit);
  const manifestData = await source.readUnchecked(MANIFEST, 'manifest');
  const manifest = parseManifest(manifestData);
  const kernel = selectKernel(manifest, options.kernel);
  checkWorker(kernel, options.worker);
  const startable = readKernel(manifest, kernel);
  const variables = { ...manifest.variables, ...options.env };
  const files = new Inflater(source);
  const archives = new ArchiveStore(manifest.archives, source, files.zstd);

  const pendingTree = fetchTree(manifest, files);
  const forInterpreter = archives.fetchAll(kernel.start.interpreter);
  const pendingKernel = startable.load({
    scope: options.scope,
    files,
    transport,
    prefix: manifest.mounts.prefix,
    variables,
    network: options.network,
    locate: options.locate,
    post: options.post,
    print: (name, line) => {
      emit({ type: 'log', level: name === 'stdout' ? 'info' : 'warn', text: line });
      options.print?.(name, line);
    },
  });

  archives.announce(kernel.start.kernel);
  // Only when the module has all but come: until then it needs the whole link.
  const forKernel = source.nearly(startable.main.path).then(() => archives.fetchAll(kernel.start.kernel));
  forKernel.catch(() => undefined); // Told when it is waited for.

  // All at once: the first failure ends the start, however long the others still take.
  const [loaded, index, drive] = await Promise.all([pendingKernel, pendingTree, options.drive, forInterpreter]);
  archives.expect(index.held);
  let lost: Failure | undefined;
  const emitLost = (failure: Failure) => {
    lost ??= failure;
    emit({ type: 'error', error: failure, fatal: false });
  };
  const opened: string[] | undefined = options.trace ? [] : undefined;
  const tree = mountTree(loaded, manifest, index, archives, emitLost, opened);
  const enter = drive ? showDrive(loaded.files, at(drive, manifest), emit) : null;
  emit({ type: 'progress', phase: 'interpreter', file: startable.script.path, loaded: 0, total: 0 });
  let openedByInterpreter = 0;
  const interpreted = () => {
    openedByInterpreter = opened?.length ?? 0;
    return forKernel;
  };
  const running = await loaded.start(interpreted).catch((error: unknown) => {
    throw rootCause(error, lost);
  });
  enter?.();
  const startup =
    kernel.startup === null || options.startup === false
      ? null
      : await readStartup(kernel.startup, manifest, index, archives, loaded, opened).catch((error: unknown) => {
          throw rootCause(error, lost);
        });
  return {
    kernel,
    main: startable.main.path,
    running,
    files: loaded.files,
    installation: {
      kernel,
      files: loaded.files,
      prefix: manifest.mounts.prefix,
      variables,
      manifest: manifestData,
      read: path => transport.read(path, undefined, { anew: true }),
      index: () => fetchTree(manifest, files),
    },
    startup,
    drive: enter !== null,
    trace: { files: opened ?? [], interpreter: openedByInterpreter },
    prepare: code => prepareImports(running.imports(code), manifest, archives),
    prefetch: (what, idle) => archives.prefetch(wanted(what, manifest), idle).catch(() => undefined),
    figures: () => source.figures(tree?.filled ?? 0),
  };
}

/** The host had to make the worker before it knew the manifest, by what it was told of the kernel. */
function checkWorker({ name, runtime }: PackedKernel, worker: WorkerKind | undefined): void {
  if (worker && worker !== runtime.worker) {
    throw new BootError('WorkerMismatch', `the kernel "${name}" needs a ${runtime.worker} worker, this one is ${worker}`, {
      file: MANIFEST,
      hint: `make the site again, so that its page knows; with the embedding API say \`worker: '${runtime.worker}'\``,
    });
  }
}

async function fetchTree({ index, archives }: Manifest, files: Inflater): Promise<Tree> {
  return parseTree(await files.read(index, 'index'), index.path, archives);
}

function prepareImports(modules: readonly string[], { imports }: Manifest, archives: ArchiveStore): Promise<unknown> {
  const positions = new Set(modules.flatMap(name => ofNearest(imports, name) ?? []));
  // What fails here fails again when the file is opened, and is told then.
  return Promise.allSettled([...positions].map(position => archives.fetchAhead(position)));
}

/** Positions of archives, those that imports of top-level modules need first. */
function wanted(what: Prefetch, { archives, imports }: Manifest): readonly number[] {
  const imported = what === 'none' ? [] : [...imports].flatMap(([name, needed]) => (name.includes('.') ? [] : needed));
  return [...new Set([...imported, ...(what === 'all' ? archives.keys() : [])])];
}

/** Show the environment's files, where the kernel has a place for them. */
function mountTree(
  loaded: Loaded,
  { mounts }: Manifest,
  index: Tree,
  archives: ArchiveStore,
  onLost: (failure: Failure) => void,
  opened: string[] | undefined
): LazyTree | null {
  if (!loaded.files) {
    return null;
  }
  const loadNeeded = loaded.libraries(index);
  const tree = new LazyTree(loaded.files, {
    readFile: entry => archives.readFile(entry),
    onFirstOpen: path => {
      opened?.push(path);
      loadNeeded?.(path);
    },
    watchEmpty: opened !== undefined,
    onError: error => onLost(failureOf(error, 'reading a file')),
  });
  tree.mount(index.root, mounts.prefix);
  return tree;
}

/** Read start-up code as a program reads a file, so that who traces hears of it. */
async function readStartup(
  file: string,
  { mounts: { prefix } }: Manifest,
  index: Tree,
  archives: ArchiveStore,
  { files }: Loaded,
  opened: string[] | undefined
): Promise<StartupCode> {
  const entry = fileAt(index, file);
  if (!entry) {
    throw new BootError('ManifestInvalid', `the start-up code "${file}" is not in the pack`, {
      file,
      hint: 'the pack is broken: make it again',
    });
  }
  await archives.fetchAhead(entry.archive);
  const path = `${prefix === '/' ? '' : prefix}/${file}`;
  let data: Uint8Array;
  if (files) {
    data = files.FS.readFile(path);
  } else {
    data = archives.readFile(entry);
    opened?.push(file);
  }
  try {
    return { file, path, text: new TextDecoder('utf-8', { fatal: true }).decode(data) };
  } catch (cause) {
    throw new BootError('StartupFailed', `the start-up code "${file}" is not UTF-8`, { file, hint: 'save it as UTF-8', cause });
  }
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

/** Where nobody says another place, the drive is where the pack wants it. */
function at(drive: DriveSource, { mounts }: Manifest): MountedSource {
  return { ...drive, mountpoint: drive.mountpoint ?? mounts.drive };
}

/** Mount the drive; the answer makes it the working folder, once the interpreter has looked for its own files. */
function showDrive(files: FileSystemHost | null, source: MountedSource, emit: Emit): (() => void) | null {
  if (!files) {
    emit({ type: 'log', level: 'warn', text: `this kernel has no file system: there is no ${source.mountpoint}` });
    return null;
  }
  mountDrive(files, source, openChannel(source, emit), failure =>
    emit(
      failure
        ? { type: 'error', error: failure, fatal: false }
        : { type: 'log', level: 'info', text: `${source.mountpoint} answers again` }
    )
  );
  return () => enterDrive(files.FS, source);
}

function enterDrive(fs: FileSystem, { mountpoint, cwd }: MountedSource): void {
  try {
    fs.chdir?.(cwd ? `${mountpoint}/${cwd}` : mountpoint);
  } catch {
    throw new BootError('DriveFailed', `${mountpoint} has no folder "${cwd}" to start in`, { file: mountpoint });
  }
}
