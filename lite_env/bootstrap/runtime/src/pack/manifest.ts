import { BootError, describe } from '../errors';
import type { Compressed } from '../io/verify';
import { Checker } from './check';

/** The format this reader was written for; a later minor version only adds what may be ignored. */
export const FORMAT_MAJOR = 1;
const KNOWN_FEATURES: ReadonlySet<string> = new Set();
const FAMILIES: ReadonlySet<string> = new Set(['xeus']);

/** When an archive is loaded: for the interpreter, the kernel, before a traced import, or when a file is opened. */
const LOADS = ['interpreter', 'kernel', 'import', 'demand'] as const;
export type Load = (typeof LOADS)[number];

export interface ArchiveInfo extends Compressed {
  readonly load: Load;
}

export interface KernelInfo {
  readonly name: string;
  readonly language: string;
  readonly argv: readonly string[];
  readonly script: Compressed;
  readonly wasm: Compressed;
  readonly data: Compressed | null;
  /** Libraries the main module needs before its file system exists, by the name they are asked for. */
  readonly shared: ReadonlyMap<string, Compressed>;
}

export interface Manifest {
  readonly environment: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly family: string;
  readonly emscripten: string | null;
  readonly python: string | null;
  readonly kernels: readonly KernelInfo[];
  readonly archives: readonly ArchiveInfo[];
  /** Positions of the archives that the import of a traced module needs besides those of the boot. */
  readonly imports: ReadonlyMap<string, readonly number[]>;
  readonly index: Compressed;
  readonly mounts: { readonly prefix: string; readonly drive: string };
}

const FILE = 'manifest.json';

/** Read and check a manifest; what is unknown and harmless is ignored, what is unknown and needed is refused. */
export function parseManifest(data: Uint8Array): Manifest {
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data));
  } catch (cause) {
    throw new BootError('ManifestInvalid', `"${FILE}" is not JSON: ${describe(cause)}`, {
      file: FILE,
      hint: 'see that the address is that of a pack made by `lite-env pack`',
      cause,
    });
  }
  const check = new Checker(FILE);
  const top = check.object(document, 'the top');
  checkVersion(check, top);
  const environment = check.object(top['environment'], 'environment');
  const runtime = check.object(top['runtime'], 'runtime');
  const mounts = check.object(top['mounts'], 'mounts');
  const archives = check.array(top['archives'], 'archives', (value, where) => archive(check, value, where));
  return {
    environment: check.string(environment['name'], 'environment.name'),
    variables: variables(check, environment['variables']),
    family: family(check.string(runtime['family'], 'runtime.family')),
    emscripten: optional(runtime['emscripten'], value => check.string(value, 'runtime.emscripten')),
    python: optional(runtime['python'], value => pythonVersion(check, value)),
    kernels: check.array(top['kernels'], 'kernels', (value, where) => kernel(check, value, where)),
    archives,
    imports: imports(check, top['imports'] ?? {}, archives),
    index: index(check, top['index']),
    mounts: {
      prefix: mountPoint(check, mounts['prefix'], 'mounts.prefix'),
      drive: mountPoint(check, mounts['drive'], 'mounts.drive'),
    },
  };
}

/** The kernel of that name, or the first one. */
export function selectKernel(manifest: Manifest, name: string | null | undefined): KernelInfo {
  const found = name ? manifest.kernels.find(kernel => kernel.name === name) : manifest.kernels[0];
  if (!found) {
    const names = manifest.kernels.map(kernel => `"${kernel.name}"`).join(', ');
    throw new BootError('KernelUnknown', name ? `the pack has no kernel "${name}"` : 'the pack has no kernel', {
      file: FILE,
      hint: names ? `it has ${names}` : 'add a kernel to the environment, for example xeus-python, and pack it again',
    });
  }
  return found;
}

function checkVersion(check: Checker, top: Record<string, unknown>): void {
  const format = check.string(top['format'], 'format');
  const match = /^(\d+)\.(\d+)$/.exec(format);
  if (!match) {
    check.fail('format', format, 'a version such as "1.0"');
  }
  if (Number(match[1]) !== FORMAT_MAJOR) {
    throw new BootError('UnsupportedFormat', `the pack has format ${format}, this bootstrap reads ${FORMAT_MAJOR}.x`, {
      file: FILE,
      hint: 'deploy the bootstrap and the pack from one version of lite_env',
    });
  }
  for (const feature of check.array(top['requires'], 'requires', (value, where) => check.string(value, where))) {
    if (!KNOWN_FEATURES.has(feature)) {
      throw new BootError('UnsupportedFormat', `the pack requires "${feature}", which this bootstrap does not know`, {
        file: FILE,
        hint: 'deploy a newer bootstrap',
      });
    }
  }
}

function family(name: string): string {
  if (!FAMILIES.has(name)) {
    throw new BootError('UnsupportedFormat', `the pack is for kernels of the family "${name}", which is not known`, {
      file: FILE,
      hint: 'deploy a newer bootstrap',
    });
  }
  return name;
}

function variables(check: Checker, value: unknown): Record<string, string> {
  const entries = Object.entries(check.object(value, 'environment.variables'));
  return Object.fromEntries(
    entries.map(([name, text]) => [name, check.string(text, `environment.variables.${name}`)])
  );
}

function pythonVersion(check: Checker, value: unknown): string {
  const text = check.string(value, 'runtime.python');
  return /^\d+\.\d+(\.|$)/.test(text) ? text : check.fail('runtime.python', value, 'a version such as "3.11.3"');
}

function mountPoint(check: Checker, value: unknown, where: string): string {
  const text = check.string(value, where);
  if (text !== '/') {
    check.path(text.replace(/^\//, ''), where);
  }
  return text.startsWith('/') ? text : check.fail(where, value, 'an absolute path');
}

function kernel(check: Checker, value: unknown, where: string): KernelInfo {
  const entry = check.object(value, where);
  const shared = Object.entries(check.object(entry['shared'] ?? {}, `${where}.shared`));
  return {
    name: check.string(entry['name'], `${where}.name`),
    language: check.string(entry['language'], `${where}.language`),
    argv: check.array(entry['argv'], `${where}.argv`, (text, place) => check.string(text, place)),
    script: file(check, entry['script'], `${where}.script`),
    wasm: file(check, entry['wasm'], `${where}.wasm`),
    data: optional(entry['data'], data => file(check, data, `${where}.data`)),
    shared: new Map(shared.map(([name, library]) => [name, file(check, library, `${where}.shared.${name}`)])),
  };
}

function file(check: Checker, value: unknown, where: string): Compressed {
  const entry = check.object(value, where);
  return compressed(check, entry, where, check.path(entry['path'], `${where}.path`));
}

function archive(check: Checker, value: unknown, where: string): ArchiveInfo {
  const entry = check.object(value, where);
  const digest = check.sha256(entry['digest'], `${where}.digest`);
  return {
    ...compressed(check, entry, where, `archives/${digest}.tar.zst`),
    load: loads(check, entry['load'], `${where}.load`),
  };
}

function loads(check: Checker, value: unknown, where: string): Load {
  return LOADS.find(load => load === value) ?? check.fail(where, value, '"interpreter", "kernel", "import" or "demand"');
}

function imports(check: Checker, value: unknown, archives: readonly ArchiveInfo[]): Map<string, number[]> {
  const position = (value: unknown, where: string) => {
    const number = check.size(value, where);
    return archives[number]?.load === 'import' ? number : check.fail(where, value, 'the position of an import archive');
  };
  return new Map(
    Object.entries(check.object(value, 'imports')).map(([name, positions]) => [
      name,
      check.array(positions, `imports["${name}"]`, position),
    ])
  );
}

function index(check: Checker, value: unknown): Compressed {
  const entry = check.object(value, 'index');
  const digest = check.sha256(entry['digest'], 'index.digest');
  return compressed(check, entry, 'index', `index-${digest}.json.zst`);
}

function compressed(check: Checker, entry: Record<string, unknown>, where: string, path: string): Compressed {
  return {
    path,
    size: check.size(entry['size'], `${where}.size`),
    sha256: check.sha256(entry['sha256'], `${where}.sha256`),
    rawSize: check.size(entry['raw_size'], `${where}.raw_size`),
  };
}

function optional<T>(value: unknown, read: (value: unknown) => T): T | null {
  return value === null || value === undefined ? null : read(value);
}
