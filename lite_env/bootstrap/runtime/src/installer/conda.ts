/** What `conda`, `mamba` and `micromamba` do in a notebook. */
import type { Installation } from '../kernel/installation';
import type { Helper, InstallCell } from '../session/install';
import type { CondaRecord, SolveAsk, SolvedPackage, SolverSays } from './conda-messages';
import { readLocked } from './locked';
import type { Command } from './options';
import { FORGOTTEN, table } from './pip';
import { Refused } from './refusal';
import { FileTree } from './tree';
import type { PlacedFile } from './wheel';

/** Where a channel is that is named by its name alone; `CONDA_CHANNEL_ALIAS` says another place. */
const ALIAS = 'https://conda.anaconda.org';

/** A conda package that is there now. */
interface Present extends CondaRecord {
  /** Absolute paths of what this session has put there; null of what the pack brought. */
  readonly files: readonly string[] | null;
}

/** What became of each kernel's packages: it is forgotten with the kernel's worker. */
const states = new WeakMap<Installation, Map<string, Present>>();

export async function runConda(command: Command, cell: InstallCell): Promise<void> {
  const { kernel } = cell;
  const present = states.get(kernel) ?? packed(kernel);
  states.set(kernel, present);
  if (command.action === 'list') {
    return cell.say('stdout', listing([...present.values()], command));
  }
  const tree = new FileTree(kernel);
  await (command.action === 'remove' ? remove(command, cell, tree, present) : install(command, cell, tree, present));
}

async function install(command: Command, cell: InstallCell, tree: FileTree, present: Map<string, Present>): Promise<void> {
  const specs = [...command.specs, ...command.files.flatMap(path => specsIn(tree, path))];
  const names = specs.map(nameOf);
  const say = (text: string) => {
    if (!command.quiet) {
      cell.say('stdout', text);
    }
  };
  const channels = await channelsOf(command, cell.kernel);
  say(`Solving with ${channels.join(', ')}\n`);
  const ask: SolveAsk = {
    specs,
    installed: [...present.values()].map(({ files: _, ...record }) => record),
    free: names,
    upgrade: command.upgrade,
    force: command.force,
    channels,
    platform: platformOf(cell.kernel.manifest),
    target: { prefix: cell.kernel.prefix, site: tree.site || null },
    dryRun: command.dryRun,
    only: command.noDeps ? names : null,
  };
  const packages = await solve(ask, cell, say);
  if (command.dryRun || packages.length === 0) {
    say(
      packages.length === 0
        ? `All of it is there already: ${there(names, present)}\n`
        : `Would install ${titles(packages)}\n`
    );
    return;
  }
  refuseKernels(
    packages.map(({ name }) => name).filter(name => present.has(name)),
    cell.kernel
  );
  const replaced = packages.flatMap(({ name }) => present.get(name) ?? []);
  const gone = await Promise.all(replaced.map(record => filesOf(record, tree)));
  cell.signal.throwIfAborted();
  tree.remove(gone.flat());
  tree.place(packages.flatMap(({ files, ...record }) => [...files, recordFile(record, files)]));
  for (const { files, url: _url, size: _size, ...record } of packages) {
    present.set(record.name, { ...record, files: files.map(({ path }) => tree.absolute(path)) });
  }
  replaced.forEach(({ name, version, build }) => say(`Replaced ${name}-${version}-${build}\n`));
  say(`Successfully installed ${titles(packages)}\n${FORGOTTEN}`);
}

/** Ask a worker of its own, which is ended whatever comes. */
async function solve(ask: SolveAsk, cell: InstallCell, say: (text: string) => void): Promise<readonly SolvedPackage[]> {
  const helper = cell.start('conda-solver.js');
  try {
    return await new Promise<readonly SolvedPackage[]>((resolve, reject) => {
      cell.signal.addEventListener('abort', () => reject(cell.signal.reason as Error));
      listen(helper, say, resolve, reject);
      helper.postMessage(ask);
    });
  } finally {
    void helper.terminate();
  }
}

function listen(
  helper: Helper,
  say: (text: string) => void,
  resolve: (packages: readonly SolvedPackage[]) => void,
  reject: (reason: Error) => void
): void {
  helper.addEventListener('error', ({ message }) =>
    reject(
      new Refused(`the solver "conda-solver.js" broke down: ${message || 'its script could not be loaded'}`, SOLVER_HINT)
    )
  );
  helper.addEventListener('message', ({ data }) => {
    const told = data as SolverSays;
    switch (told.type) {
      case 'say':
        return say(told.text);
      case 'done':
        return resolve(told.packages);
      case 'failed':
        return reject(new Refused(told.message, told.hint));
    }
  });
}

const SOLVER_HINT =
  'it is fetched when it is first used: see that there is a network, and that the whole folder of the runtime is deployed';

async function remove(command: Command, cell: InstallCell, tree: FileTree, present: Map<string, Present>): Promise<void> {
  const asked = command.specs.map(spec => {
    const found = present.get(nameOf(spec));
    if (!found) {
      throw new Refused(
        `"${spec}" is not among the conda packages of the environment`,
        'see `%conda list`; what pip brought is removed by `%pip uninstall`'
      );
    }
    return found;
  });
  const all = withDependents(asked, present);
  refuseKernels(
    all.map(({ name }) => name),
    cell.kernel,
    ` without ${titles(asked)}`
  );
  if (!command.dryRun) {
    const files = await Promise.all(all.map(record => filesOf(record, tree)));
    tree.remove(files.flat());
    all.forEach(({ name }) => present.delete(name));
  }
  if (!command.quiet) {
    const done = command.dryRun ? 'Would remove' : 'Removed';
    const back =
      !command.dryRun && all.some(({ files }) => files === null)
        ? 'A restart of the kernel brings back what belongs to the environment.\n'
        : '';
    cell.say('stdout', `${done} ${titles(all)}\n${back}`);
  }
}

/** With whatever needs one of them. */
function withDependents(records: readonly Present[], present: ReadonlyMap<string, Present>): Present[] {
  const names = new Set(records.map(({ name }) => name));
  for (let size = 0; size !== names.size;) {
    size = names.size;
    for (const { name, depends } of present.values()) {
      if (depends.some(spec => names.has(nameOf(spec)))) {
        names.add(name);
      }
    }
  }
  return [...names].sort().flatMap(name => present.get(name) ?? []);
}

/** The kernel runs from what it was started with, and its interpreter from its own files. */
function refuseKernels(names: readonly string[], { manifest, kernel }: Installation, without = ''): void {
  const { kernels } = JSON.parse(new TextDecoder().decode(manifest)) as {
    kernels: { files: { package?: string | null }[] }[];
  };
  const own = new Set(kernels.flatMap(({ files }) => files.map(file => file.package ?? '')));
  const found = names.find(name => own.has(name) || name === kernel.language);
  if (found !== undefined) {
    const what = without ? `"${found}" cannot be${without}, and` : `"${found}" cannot be changed:`;
    throw new Refused(`${what} the kernel runs on it`, 'change the environment file, and pack it again');
  }
}

async function filesOf({ name, files }: Present, tree: FileTree): Promise<readonly string[]> {
  return files ?? tree.packedFiles(name);
}

/** What tools look for in an environment. */
function recordFile(record: Omit<SolvedPackage, 'files'>, files: readonly PlacedFile[]): PlacedFile {
  const { name, version, build, subdir, fileName, sha256, depends, url } = record;
  const content = { name, version, build, subdir, fn: fileName, sha256, depends, url, files: files.map(({ path }) => path) };
  return {
    path: `conda-meta/${name}-${version}-${build}.json`,
    data: new TextEncoder().encode(`${JSON.stringify(content, null, 2)}\n`),
    executable: false,
  };
}

function packed({ manifest }: Installation): Map<string, Present> {
  const { environment } = JSON.parse(new TextDecoder().decode(manifest)) as {
    environment: { packages: Record<string, unknown>[] };
  };
  const conda = environment.packages.filter(({ manager }) => (manager ?? 'conda') === 'conda');
  return new Map(
    conda.map(({ name, version, build, subdir, file_name, sha256, depends }) => [
      name as string,
      {
        name,
        version,
        build,
        subdir,
        fileName: file_name,
        sha256: sha256 ?? null,
        depends: depends ?? [],
        files: null,
      } as Present,
    ])
  );
}

function platformOf(manifest: Uint8Array): string {
  const { environment } = JSON.parse(new TextDecoder().decode(manifest)) as { environment: { platform: string } };
  return environment.platform;
}

/** Addresses with a slash at their end: those of the command, then those of the environment. */
async function channelsOf(command: Command, kernel: Installation): Promise<string[]> {
  const { variables } = kernel;
  const said = (variables['CONDA_CHANNELS'] ?? '').split(/[\s,]+/).filter(channel => channel !== '');
  const own = command.overrideChannels ? [] : said.length > 0 ? said : (await readLocked(kernel)).channels;
  const alias = variables['CONDA_CHANNEL_ALIAS'] ?? ALIAS;
  const named = [...command.channels, ...own].filter(channel => channel !== '' && channel !== 'nodefaults');
  if (named.length === 0) {
    throw new Refused(
      'no channel is known',
      'name one: -c URL, or CONDA_CHANNELS under `variables:` of the environment file'
    );
  }
  return [...new Set(named.map(channel => addressOf(channel, alias)))];
}

function addressOf(channel: string, alias: string): string {
  const address = /^[a-z]+:\/\//i.test(channel) ? channel : `${alias.replace(/\/*$/, '')}/${channel}`;
  if (!/^https?:\/\/[^/]/i.test(address)) {
    throw new Refused(`"${channel}" is no channel that a browser can read`, 'channels are read by http or https');
  }
  return address.replace(/\/*$/, '/');
}

function nameOf(spec: string): string {
  return (
    (spec.includes('::') ? spec.slice(spec.indexOf('::') + 2) : spec)
      .trim()
      .split(/[\s=<>!~\[]/)[0]
      ?.toLowerCase() ?? ''
  );
}

/** Lines of a file of specs. */
function specsIn(tree: FileTree, path: string): string[] {
  const absolute = path.startsWith('/') ? path : `${tree.fs.cwd().replace(/\/$/, '')}/${path}`;
  let text: string;
  try {
    text = new TextDecoder().decode(tree.fs.readFile(absolute));
  } catch {
    throw new Refused(`there is no file "${path}"`, `it was looked for at ${absolute}`);
  }
  const lines = text.split(/\r?\n/).map(line => line.replace(/#.*$/, '').trim());
  if (lines.includes('@EXPLICIT') || /\.ya?ml$/.test(path)) {
    throw new Refused(`"${path}" is no list of match specs`, 'an environment file is packed: `lite-env pack`');
  }
  return lines.filter(line => line !== '');
}

function there(names: readonly string[], present: ReadonlyMap<string, Present>): string {
  return names
    .flatMap(name => present.get(name) ?? [])
    .map(({ name, version }) => `${name}-${version}`)
    .join(' ');
}

function titles(packages: readonly Pick<CondaRecord, 'name' | 'version' | 'build'>[]): string {
  return packages.map(({ name, version, build }) => `${name}-${version}-${build}`).join(' ');
}

function listing(packages: readonly Present[], { specs, format }: Command): string {
  const shown = packages
    .filter(({ name }) => specs.length === 0 || specs.some(spec => name.includes(spec)))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  if (format === 'json') {
    return `${JSON.stringify(shown.map(({ name, version, build }) => ({ name, version, build_string: build })))}\n`;
  }
  const rows = shown.map(({ name, version, build, files }) => [
    name,
    version,
    build,
    files === null ? 'environment' : 'session',
  ]);
  return table([['Name', 'Version', 'Build', 'From'], ...rows]);
}
