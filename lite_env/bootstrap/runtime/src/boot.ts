import { mountDrive, openChannel, type MountedSource } from './drive/mount';
import { BootError, describe, failureOf, type Failure } from './errors';
import { readKernel } from './family/index';
import type { Loaded, Running, Saving, Startable, Surroundings } from './family/runtime';
import type { FileSystem, FileSystemHost } from './fs/emscripten';
import { LazyTree } from './fs/lazy';
import { sha256Hex } from './io/digest';
import { Inflater } from './io/inflate';
import { Source } from './io/source';
import type { Compressed } from './io/verify';
import type { Transport } from './io/transport';
import { ofNearest } from './kernel/imports';
import type { Installation } from './kernel/installation';
import type { StreamName } from './kernel/output';
import type { KernelNetwork } from './network/kernel';
import { ArchiveStore } from './pack/archives';
import { MANIFEST, parseManifest, selectKernel, type Manifest, type PackedKernel, type WorkerKind } from './pack/manifest';
import { PrefixFiles } from './pack/prefix';
import { fileAt, parseTree, type Tree } from './pack/tree';
import type { DriveSource, Emit, Figures, Prefetch, Trace } from './protocol';
import type { Snapshot } from './snapshot/form';
import { digestOf, sorted } from './snapshot/key';
import type { Preloading } from './snapshot/preloading';
import { compileLibraries, type ReadFiles } from './snapshot/rooms/environment';
import type { Snapshots } from './snapshot/snapshots';
import type { Subject } from './snapshot/subject';
import { guard } from './snapshot/unusable';

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
  /** Copies of started kernels; without it the start is a plain one, and none is made of it. */
  readonly snapshots?: Snapshots | null | undefined;
  /** Address of the pack. */
  readonly place?: string | undefined;
  /** Start plainly, whatever is kept. */
  readonly makeSnapshot?: boolean | undefined;
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
  /** Saves the kernel; a text says why it cannot be saved, null that it is itself a restored one. */
  readonly saving: Saving | string | null;
  /** Positions of the archives that hold files at these absolute paths. */
  archivesOf(paths: readonly string[]): readonly number[];
  /** What a snapshot is to have imported; null where that is nothing. */
  readonly preloading: Preloading | null;
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
  let counted = false;
  const files = new Inflater(source, name => (counted ? (options.snapshots?.file(name) ?? null) : null));
  const archives = new ArchiveStore(manifest.archives, source, files.zstd);

  const { snapshots } = options;
  const shipped = shippedBy(kernel, files, archives);
  const prefixFiles = async () => new PrefixFiles(await pendingTree, manifest.mounts.prefix, archives);
  const fromTree: ReadFiles = async (paths, take) => (await prefixFiles()).read(paths, take);
  const subject = { ...subjectOf(manifestData, manifest, kernel, startable, options, variables, files, fromTree), shipped };
  counted = snapshots?.seek(subject, options.makeSnapshot) ?? false;
  /** A kernel that is restored reads what it opens, and nothing ahead. */
  const unlessRestored = async (fetch: () => Promise<void>) => {
    if (!counted || !(await snapshots?.isFound())) {
      await fetch();
    }
  };

  const pendingTree = fetchTree(manifest, files);
  const forInterpreter = unlessRestored(() => archives.fetchAll(kernel.start.interpreter));
  const surroundings: Surroundings = {
    scope: options.scope,
    files,
    transport,
    prefix: manifest.mounts.prefix,
    variables,
    script: () => readScript(startable, files, Boolean(snapshots)),
    network: options.network,
    locate: options.locate,
    post: options.post,
    print: (name, line) => {
      emit({ type: 'log', level: name === 'stdout' ? 'info' : 'warn', text: line });
      options.print?.(name, line);
    },
  };
  const pendingKernel = startable.load(surroundings);
  const librariesOf = (found: Snapshot) => compileLibraries(found, fromTree);
  const pendingLibraries = counted ? snapshots?.whenRead().then(found => found && librariesOf(found)) : null;
  pendingLibraries?.catch(() => undefined); // Told when it is waited for.

  if (!counted) {
    archives.announce(kernel.start.kernel);
  }
  // Only when the module has all but come: until then it needs the whole link.
  const forKernel = source.nearly(startable.main.path).then(() => unlessRestored(() => archives.fetchAll(kernel.start.kernel)));
  forKernel.catch(() => undefined); // Told when it is waited for.

  // All at once: the first failure ends the start, however long the others still take.
  const [first, index, drive] = await Promise.all([pendingKernel, pendingTree, options.drive, forInterpreter]);
  archives.expect(index.held);
  let lost: Failure | undefined;
  const emitLost = (failure: Failure) => {
    lost ??= failure;
    emit({ type: 'error', error: failure, fatal: false });
  };
  const opened: string[] | undefined = options.trace ? [] : undefined;
  let openedByInterpreter = 0;
  const interpreted = () => {
    openedByInterpreter = opened?.length ?? 0;
    return forKernel;
  };
  const show = (loaded: Loaded) => ({
    loaded,
    tree: mountTree(loaded, manifest, index, archives, emitLost, opened),
    enter: drive ? showDrive(loaded.files, at(drive, manifest), emit) : null,
  });
  let shown = show(first);
  emit({ type: 'progress', phase: 'interpreter', file: startable.script.path, loaded: 0, total: 0 });
  const snapshot = (counted ? await snapshots?.whenRead() : snapshots?.readNow()) ?? null;
  let running: Running | null = null;
  if (snapshots && snapshot) {
    try {
      const saving = first.saving(index);
      guard(typeof saving !== 'string', String(saving));
      running = await saving.restore(snapshot, (await pendingLibraries) ?? (await librariesOf(snapshot)));
      snapshots.restored();
    } catch (error) {
      await snapshots.failed(error);
      // What a restore has left of the module is neither the one nor the other.
      await archives.fetchAll([...kernel.start.interpreter, ...kernel.start.kernel]);
      shown = show(await startable.load(surroundings));
    }
  }
  const { loaded, tree, enter } = shown;
  const saving = running ? null : kernel.startup === null ? loaded.saving(index) : 'it runs start-up code';
  if (typeof saving === 'string') {
    snapshots?.impossible(saving);
  }
  running ??= await loaded.start(interpreted).catch((error: unknown) => {
    throw rootCause(error, lost);
  });
  enter?.();
  const startup =
    kernel.startup === null || options.startup === false
      ? null
      : await readStartup(kernel.startup, manifest, index, archives, loaded, opened).catch((error: unknown) => {
          throw rootCause(error, lost);
        });
  const started = running;
  return {
    kernel,
    main: startable.main.path,
    running: started,
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
    saving,
    archivesOf: paths => new PrefixFiles(index, manifest.mounts.prefix, archives).archivesOf(paths),
    preloading: kernel.preload.length === 0 ? null : {
      modules: kernel.preload,
      fetch: () => archives.fetchAll(neededBy(kernel.preload, manifest)),
      hasLost: () => lost !== undefined,
    },
    trace: { files: opened ?? [], interpreter: openedByInterpreter },
    prepare: code => prepareImports(started.imports(code), manifest, archives),
    prefetch: (what, idle) => archives.prefetch(wanted(what, manifest), idle).catch(() => undefined),
    figures: () => ({ ...source.figures(tree?.filled ?? 0), ...(snapshots && { snapshot: snapshots.figures() }) }),
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

/** What a snapshot of this start is of. */
function subjectOf(
  manifestData: Uint8Array,
  { index, archives }: Manifest,
  { name, preload }: PackedKernel,
  { main, script, open }: Startable,
  { place = '' }: BootOptions,
  variables: Readonly<Record<string, string>>,
  files: Inflater,
  readLibraries: ReadFiles
): Omit<Subject, 'shipped'> {
  return {
    place: `${place} ${name}`,
    parts: {
      kernel: name,
      wasm: main.digest,
      script: script.digest,
      variables: JSON.stringify(sorted(variables)),
      preload: JSON.stringify(preload),
    },
    preload,
    pack: () => sha256Hex(manifestData),
    content: () => digestOf([index.digest, ...archives.map(({ digest }) => digest)]),
    script: async () => new TextDecoder().decode(await files.again(script)),
    files: async libraries => {
      const [plain, tree, module] = await Promise.all([files.again(script), files.again(index), files.again(main)]);
      const read = new Map<string, Uint8Array>();
      await readLibraries(libraries, (path, bytes) => read.set(path, bytes));
      return new Map([[openedName(script), open(plain)], [index.digest, tree], [main.digest, module], ...read]);
    },
  };
}

/** What reads the snapshot that the pack brings, and beside it the archives that a restore of it reads. */
function shippedBy({ snapshot }: PackedKernel, files: Inflater, archives: ArchiveStore): Subject['shipped'] {
  return snapshot && (() => {
    // What fails here fails again when it is needed, and is told then.
    archives.fetchAll(snapshot.archives).catch(() => undefined);
    return files.read(snapshot, 'kernel');
  });
}

/** Under which name a snapshot has a script opened up. */
function openedName({ digest }: Compressed): string {
  return `opened ${digest}`;
}

async function readScript({ script, open }: Startable, files: Inflater, isSaved: boolean): Promise<Uint8Array> {
  const opened = await files.here(script, 'kernel', openedName(script));
  if (opened) {
    return opened;
  }
  const text = await files.read(script, 'kernel');
  return isSaved ? open(text) : text;
}

function prepareImports(modules: readonly string[], manifest: Manifest, archives: ArchiveStore): Promise<unknown> {
  // What fails here fails again when the file is opened, and is told then.
  return Promise.allSettled(neededBy(modules, manifest).map(position => archives.fetchAhead(position)));
}

/** Positions of the archives that the import of these modules needs. */
function neededBy(modules: readonly string[], { imports }: Manifest): readonly number[] {
  return [...new Set(modules.flatMap(name => ofNearest(imports, name) ?? []))];
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
