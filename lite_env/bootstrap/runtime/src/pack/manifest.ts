import { BootError, describe } from '../errors';
import type { Compressed } from '../io/verify';
import { Checker } from './check';
import { kernelOf1 } from './format1';
import { readShared, SHARED_FILES } from './shared';

/** The formats that this reader reads; a later minor version only adds what may be ignored. */
const MAJORS: readonly number[] = [1, 2];
const KNOWN_FEATURES: ReadonlySet<string> = new Set(['kernel-starts', 'startup-code', SHARED_FILES]);

/** When an archive is loaded: for the interpreter, the kernel, before a traced import, or when a file is opened. */
const LOADS = ['interpreter', 'kernel', 'import', 'demand'] as const;
export type Load = (typeof LOADS)[number];
/** The parts of a kernel's start. */
export const PHASES = ['interpreter', 'kernel'] as const;
export type StartPhase = (typeof PHASES)[number];
const WORKERS = ['classic', 'module'] as const;
/** Whether a kernel's worker runs classic scripts or modules. */
export type WorkerKind = (typeof WORKERS)[number];

export interface ArchiveInfo extends Compressed {
  readonly load: Load;
}

/** One of a kernel's own binaries. */
export interface KernelFile extends Compressed {
  /** What it is for: `script`, `wasm`, `data`, `shared`, or what else a family needs. */
  readonly role: string;
  /** What the kernel asks for. */
  readonly name: string;
}

/** The one file of a kernel that has that role. @throws BootError at `where`, the kernel's place in the manifest. */
export function onlyFile({ files }: PackedKernel, role: string, check: Checker, where: string): KernelFile {
  const found = files.filter(file => file.role === role);
  return found.length === 1 ? (found[0] as KernelFile) : check.fail(`${where}.files`, found.length, `one "${role}"`);
}

/** A snapshot in the pack. */
export interface ShippedFile extends Compressed {
  /** Positions of the archives that a restore of it reads. */
  readonly archives: readonly number[];
}

/** How a kernel is started. */
export interface RuntimeInfo {
  readonly family: string;
  readonly emscripten: string | null;
  /** Version of the Python that it runs; null for another language. */
  readonly python: string | null;
  readonly worker: WorkerKind;
}

/** A kernel of a pack; its family knows what to make of it. */
export interface PackedKernel {
  readonly name: string;
  readonly language: string;
  readonly argv: readonly string[];
  readonly runtime: RuntimeInfo;
  readonly files: readonly KernelFile[];
  /** Positions of the archives that its start loads. */
  readonly start: Readonly<Record<StartPhase, readonly number[]>>;
  /** Where in the environment the code lies that runs before the first cell. */
  readonly startup: string | null;
  /** Modules that a snapshot of it has imported. */
  readonly preload: readonly string[];
  /** A copy of the started kernel, which a start may use in place of starting it. */
  readonly snapshot: ShippedFile | null;
}

export interface Manifest {
  readonly environment: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly kernels: readonly PackedKernel[];
  readonly archives: readonly ArchiveInfo[];
  /**
   * Positions of the archives that the import of a traced module needs besides those of its kernel's start; a submodule
   * that is not named needs what the nearest package above does.
   */
  readonly imports: ReadonlyMap<string, readonly number[]>;
  readonly index: Compressed;
  readonly mounts: { readonly prefix: string; readonly drive: string };
}

export const MANIFEST = 'manifest.json';

/** Read and check a manifest; what is unknown and harmless is ignored, what is unknown and needed is refused. */
export function parseManifest(data: Uint8Array): Manifest {
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data));
  } catch (cause) {
    throw new BootError('ManifestInvalid', `"${MANIFEST}" is not JSON: ${describe(cause)}`, {
      file: MANIFEST,
      hint: 'see that the address is that of a pack made by `lite-env pack`',
      cause,
    });
  }
  const check = new Checker(MANIFEST);
  const top = check.object(document, 'the top');
  const major = checkVersion(check, top);
  const environment = check.object(top['environment'], 'environment');
  const mounts = check.object(top['mounts'], 'mounts');
  const archives = check.array(top['archives'], 'archives', (value, where) => archive(check, value, where));
  const isShared = (top['requires'] as unknown[]).includes(SHARED_FILES);
  const locate = readShared(check, isShared ? top['shared'] : {});
  const packed = kernels(check, top, archives, major);
  return {
    environment: check.string(environment['name'], 'environment.name'),
    variables: variables(check, environment['variables']),
    kernels: packed.map(kernel => ({
      ...kernel,
      files: kernel.files.map(locate),
      snapshot: kernel.snapshot && locate(kernel.snapshot),
    })),
    archives: archives.map(locate),
    imports: imports(check, top['imports'] ?? {}, archives),
    index: locate(index(check, top['index'])),
    mounts: {
      prefix: mountPoint(check, mounts['prefix'], 'mounts.prefix'),
      drive: mountPoint(check, mounts['drive'], 'mounts.drive'),
    },
  };
}

/** The kernel of that name, or the first one. */
export function selectKernel(manifest: Manifest, name: string | null | undefined): PackedKernel {
  const found = name ? manifest.kernels.find(kernel => kernel.name === name) : manifest.kernels[0];
  if (!found) {
    const names = manifest.kernels.map(kernel => `"${kernel.name}"`).join(', ');
    throw new BootError('KernelUnknown', name ? `the pack has no kernel "${name}"` : 'the pack has no kernel', {
      file: MANIFEST,
      hint: names ? `it has ${names}` : 'add a kernel to the environment, and pack it again',
    });
  }
  return found;
}

function checkVersion(check: Checker, top: Record<string, unknown>): number {
  const format = check.string(top['format'], 'format');
  const match = /^(\d+)\.(\d+)$/.exec(format) ?? check.fail('format', format, 'a version such as "1.0"');
  const major = Number(match[1]);
  if (!MAJORS.includes(major)) {
    throw new BootError('UnsupportedFormat', `the pack has format ${format}, this bootstrap reads 1.x and 2.x`, {
      file: MANIFEST,
      hint: 'deploy the bootstrap and the pack from one version of lite_env',
    });
  }
  for (const feature of check.array(top['requires'], 'requires', (value, where) => check.string(value, where))) {
    if (!KNOWN_FEATURES.has(feature)) {
      throw new BootError('UnsupportedFormat', `the pack requires "${feature}", which this bootstrap does not know`, {
        file: MANIFEST,
        hint: 'deploy a newer bootstrap',
      });
    }
  }
  return major;
}

function variables(check: Checker, value: unknown): Record<string, string> {
  const entries = Object.entries(check.object(value, 'environment.variables'));
  return Object.fromEntries(
    entries.map(([name, text]) => [name, check.string(text, `environment.variables.${name}`)])
  );
}

function pythonVersion(check: Checker, value: unknown, where: string): string {
  const text = check.string(value, where);
  return /^\d+\.\d+(\.|$)/.test(text) ? text : check.fail(where, value, 'a version such as "3.11.3"');
}

function moduleName(check: Checker, value: unknown, where: string): string {
  const text = check.string(value, where);
  return /^[\p{L}_][\p{L}\p{N}_]*(\.[\p{L}_][\p{L}\p{N}_]*)*$/u.test(text) ? text : check.fail(where, value, 'the name of a module');
}

function mountPoint(check: Checker, value: unknown, where: string): string {
  const text = check.string(value, where);
  if (text !== '/') {
    check.path(text.replace(/^\//, ''), where);
  }
  return text.startsWith('/') ? text : check.fail(where, value, 'an absolute path');
}

function kernels(
  check: Checker,
  top: Record<string, unknown>,
  archives: readonly ArchiveInfo[],
  major: number
): PackedKernel[] {
  const convert = (value: unknown) => (major === 1 ? kernelOf1(check.object(value, 'a kernel'), top, archives) : value);
  return check.array(top['kernels'], 'kernels', (value, where) => kernel(check, convert(value), where, archives));
}

function kernel(check: Checker, value: unknown, where: string, archives: readonly ArchiveInfo[]): PackedKernel {
  const entry = check.object(value, where);
  const runtime = check.object(entry['runtime'], `${where}.runtime`);
  const start = check.object(entry['start'], `${where}.start`);
  const files = check.array(entry['files'], `${where}.files`, (item, place) => kernelFile(check, item, place));
  return {
    name: check.string(entry['name'], `${where}.name`),
    language: check.string(entry['language'], `${where}.language`),
    argv: check.array(entry['argv'], `${where}.argv`, (text, place) => check.string(text, place)),
    runtime: {
      family: check.string(runtime['family'], `${where}.runtime.family`),
      emscripten: optional(runtime['emscripten'], text => check.string(text, `${where}.runtime.emscripten`)),
      python: optional(runtime['python'], text => pythonVersion(check, text, `${where}.runtime.python`)),
      worker: oneOf(check, WORKERS, runtime['worker'] ?? 'classic', `${where}.runtime.worker`),
    },
    files: files.filter(file => !['spec', 'logo'].includes(file.role)),
    start: {
      interpreter: positions(check, start['interpreter'], `${where}.start.interpreter`, archives),
      kernel: positions(check, start['kernel'], `${where}.start.kernel`, archives),
    },
    startup: optional(entry['startup'], path => check.path(path, `${where}.startup`)),
    preload: check.array(entry['preload'] ?? [], `${where}.preload`, (name, place) => moduleName(check, name, place)),
    snapshot: optional(entry['snapshot'], file => shipped(check, check.object(file, `${where}.snapshot`), `${where}.snapshot`, archives)),
  };
}

function kernelFile(check: Checker, value: unknown, where: string): KernelFile {
  const entry = check.object(value, where);
  return {
    ...placed(check, entry, where),
    role: check.string(entry['role'], `${where}.role`),
    name: check.string(entry['name'], `${where}.name`),
  };
}

function shipped(check: Checker, entry: Record<string, unknown>, where: string, archives: readonly ArchiveInfo[]): ShippedFile {
  const position = (item: unknown, place: string) =>
    archives[check.size(item, place)] ? (item as number) : check.fail(place, item, 'the position of an archive');
  return { ...placed(check, entry, where), archives: check.array(entry['archives'] ?? [], `${where}.archives`, position) };
}

function archive(check: Checker, value: unknown, where: string): ArchiveInfo {
  const entry = check.object(value, where);
  const digest = check.sha256(entry['digest'], `${where}.digest`);
  return {
    ...compressed(check, entry, where, `archives/${digest}.tar.zst`),
    load: oneOf(check, LOADS, entry['load'], `${where}.load`),
  };
}

function oneOf<T extends string>(check: Checker, values: readonly T[], value: unknown, where: string): T {
  const expected = values.map(name => `"${name}"`).join(', ');
  return values.find(name => name === value) ?? check.fail(where, value, `one of ${expected}`);
}

/** Positions of archives that something fetches ahead. */
function positions(check: Checker, value: unknown, where: string, archives: readonly ArchiveInfo[]): number[] {
  return check.array(value ?? [], where, (item, place) => {
    const load = archives[check.size(item, place)]?.load ?? 'demand';
    return load === 'demand' ? check.fail(place, item, 'the position of an archive that is loaded ahead') : (item as number);
  });
}

function imports(check: Checker, value: unknown, archives: readonly ArchiveInfo[]): Map<string, number[]> {
  return new Map(
    Object.entries(check.object(value, 'imports')).map(([name, those]) => [
      name,
      positions(check, those, `imports["${name}"]`, archives),
    ])
  );
}

function index(check: Checker, value: unknown): Compressed {
  const entry = check.object(value, 'index');
  const digest = check.sha256(entry['digest'], 'index.digest');
  return compressed(check, entry, 'index', `index-${digest}.json.zst`);
}

/** What says itself where it lies. */
function placed(check: Checker, entry: Record<string, unknown>, where: string): Compressed {
  return compressed(check, entry, where, check.path(entry['path'], `${where}.path`));
}

function compressed(check: Checker, entry: Record<string, unknown>, where: string, path: string): Compressed {
  return {
    path,
    size: check.size(entry['size'], `${where}.size`),
    sha256: check.sha256(entry['sha256'], `${where}.sha256`),
    rawSize: check.size(entry['raw_size'], `${where}.raw_size`),
    digest: check.sha256(entry['digest'], `${where}.digest`),
  };
}

function optional<T>(value: unknown, read: (value: unknown) => T): T | null {
  return value === null || value === undefined ? null : read(value);
}
