/** What `pip` does in a notebook. */
import { Fetcher, type Fetch } from './fetch';
import { EnvironmentFinder, givenCandidate, isInstallable, type Installable } from './finder';
import { readLocked } from './locked';
import type { Command } from './options';
import { Refused } from './refusal';
import { holds, normalize, parseRequirement, type MarkerVariables, type Requirement } from './requirement';
import { readRequirements, type RequirementsFile } from './requirements-file';
import { resolve } from './resolve';
import { EnvironmentTree, packagesOf, type Distribution } from './tree';
import { fits } from './version';
import { parseWheelName, whyNotTag } from './wheel';
import type { InstallCell } from '../session/install';

/** Said after each install: nothing of it is kept. */
export const FORGOTTEN = 'This lasts until the kernel restarts; what is to stay belongs into the environment file.\n';

/** Where a module was replaced that a program may hold; a restart, which elsewhere helps, would forget the new one. */
const IMPORTED = 'Modules that were imported before stay as they were: importlib.reload(module) takes the new one.\n';

/** What a command works with. */
export interface Means {
  readonly fetch: Fetch;
}

export async function runPip(command: Command, cell: InstallCell, means: Means): Promise<void> {
  const tree = new EnvironmentTree(cell.kernel);
  const out = (text: string) => cell.say('stdout', text);
  switch (command.action) {
    case 'install':
      return new Install(command, cell, tree, means).run();
    case 'remove':
      return uninstall(command, tree, cell);
    case 'list':
      return out(listing([...tree.installed().values()], command.format));
    case 'show':
      return out(command.specs.map(name => shown(name, tree)).join('---\n'));
  }
}

class Install {
  private readonly fetcher: Fetcher;
  private readonly installed: Map<string, Distribution>;

  constructor(
    private readonly command: Command,
    private readonly cell: InstallCell,
    private readonly tree: EnvironmentTree,
    means: Means
  ) {
    this.fetcher = new Fetcher(means.fetch, cell.signal);
    this.installed = tree.installed();
  }

  async run(): Promise<void> {
    const { command, tree } = this;
    const read = (path: string) => readRequirements(path, file => this.readText(file));
    const files = command.files.map(read);
    const constraints = [...command.constraints, ...files.flatMap(file => file.constraints)].map(read);
    const specs = [...command.specs, ...files.flatMap(file => file.requirements)];
    const given = new Map<string, Installable>();
    const roots: Requirement[] = [];
    for (const spec of specs) {
      const root = await this.root(spec, given);
      roots.push(root);
    }
    const named = new Set(roots.map(root => root.name));
    this.tellThere(roots);
    const finder = new EnvironmentFinder(this.fetcher, { ...(await this.finderOptions(files)), given, named });
    const chosen = await resolve(roots, finder, {
      variables: markerVariables(tree.python),
      noDeps: command.noDeps,
      constraints: constraints.flatMap(file => file.requirements).map(parseRequirement),
    });
    await this.place(chosen.filter(isInstallable));
  }

  private async finderOptions(files: readonly RequirementsFile[]) {
    const { command, installed, tree } = this;
    const { upgrade, force, pre } = command;
    const hashes = new Map(files.flatMap(file => [...file.hashes]));
    const say = (text: string) => this.say(text);
    return { python: tree.python, installed, indexes: await this.indexes(files), upgrade, force, pre, hashes, say };
  }

  /** Of the command, else of its files, else of the kernel's variables, else of the environment's lock; and further ones. */
  private async indexes(files: readonly RequirementsFile[]): Promise<string[]> {
    const { command } = this;
    const named =
      command.indexUrl ?? files.findLast(file => file.indexUrl !== null)?.indexUrl ?? this.variable('PIP_INDEX_URL')[0];
    const locked = named === undefined ? await readLocked(this.cell.kernel) : null;
    const own = named ?? locked?.index;
    const further = [
      ...command.extraIndexUrls,
      ...files.flatMap(file => file.extraIndexUrls),
      ...this.variable('PIP_EXTRA_INDEX_URL'),
    ];
    return [...new Set([...(own ? [own] : []), ...further, ...(locked?.extraIndexes ?? [])])];
  }

  private variable(name: string): string[] {
    return (this.cell.kernel.variables[name] ?? '').split(/\s+/).filter(value => value !== '');
  }

  /** What one word of the command asks for; a wheel is read. */
  private async root(spec: string, given: Map<string, Installable>): Promise<Requirement> {
    const [, path = spec, extras = ''] = /^(.*\.whl)(\[[^\]]*\])?$/s.exec(spec) ?? [];
    const isPath =
      !/^[\w.-]+\s*(\[[^\]]*\])?\s*@/.test(spec) &&
      (/\.whl$/.test(path) || /^(\.{0,2}\/|\.$|\.\.$|file:|https?:|git\+)/.test(path));
    const requirement = isPath ? null : parseRequirement(spec);
    const address = requirement?.url ?? (isPath ? path : null);
    if (address === null) {
      return requirement as Requirement;
    }
    const candidate = await this.wheelAt(address);
    if (requirement && requirement.name !== candidate.name) {
      throw new Refused(`"${address}" holds "${candidate.name}", not "${requirement.name}"`);
    }
    given.set(candidate.name, candidate);
    return requirement ?? parseRequirement(candidate.name + extras);
  }

  private async wheelAt(address: string): Promise<Installable> {
    const fileName = decodeURIComponent(
      address
        .replace(/[?#].*$/, '')
        .split('/')
        .at(-1) ?? ''
    );
    const wheel = parseWheelName(fileName);
    if (!wheel) {
      throw new Refused(
        `"${address}" is no wheel: only files NAME-VERSION-…-none-any.whl can be installed in a notebook`,
        'a project is built into a wheel outside of the browser: `python -m build --wheel`'
      );
    }
    const why = whyNotTag(wheel, this.tree.python);
    if (why) {
      throw new Refused(
        why,
        'only pure Python runs everywhere; a compiled package belongs into the conda part of the environment file'
      );
    }
    const sha256 = /[#&]sha256=([0-9a-f]{64})/i.exec(address)?.[1] ?? null;
    const data = /^https?:/.test(address)
      ? await this.fetcher.file(address.replace(/#.*$/, ''), `"${fileName}"`, sha256)
      : this.readFile(address.replace(/^file:(\/\/)?/, ''));
    return givenCandidate(data, wheel);
  }

  private readFile(path: string): Uint8Array {
    const { fs } = this.tree;
    const absolute = path.startsWith('/') ? path : `${fs.cwd().replace(/\/$/, '')}/${path}`;
    try {
      return fs.readFile(absolute);
    } catch {
      throw new Refused(`there is no file "${path}"`, path.startsWith('/') ? null : `it was looked for in ${fs.cwd()}`);
    }
  }

  private readText(path: string): string {
    return new TextDecoder().decode(this.readFile(path));
  }

  private tellThere(roots: readonly Requirement[]): void {
    for (const { name, specifiers, text, url } of roots) {
      const there = this.installed.get(name);
      if (there && url === null && !this.command.upgrade && fits(there.version, specifiers)) {
        this.say(`Requirement already satisfied: ${text} (${there.version.text}, ${origin(there)})\n`);
      }
    }
  }

  /** Everything is fetched, checked and unpacked before the first file is touched. */
  private async place(chosen: readonly Installable[]): Promise<void> {
    const { command, tree, cell } = this;
    const kept = new Map([...this.installed].filter(([name]) => !chosen.some(candidate => candidate.name === name)));
    if (command.dryRun) {
      this.say(`Would install ${titles(chosen) || 'nothing'}\n`);
      return;
    }
    const unpacked = await Promise.all(chosen.map(async candidate => (await candidate.open()).files(tree.site)));
    cell.signal.throwIfAborted();
    const replaced = chosen.flatMap(({ name }) => this.installed.get(name) ?? []);
    const gone = await Promise.all(replaced.map(distribution => tree.filesOf(distribution)));
    for (const distribution of replaced) {
      this.say(`Uninstalling ${distribution.name}-${distribution.version.text} (${origin(distribution)})\n`);
    }
    tree.remove(gone.flat());
    tree.place(unpacked.flat());
    if (chosen.length > 0) {
      this.say(`Successfully installed ${titles(chosen)}\n${replaced.length > 0 ? IMPORTED : ''}${FORGOTTEN}`);
      this.warnBroken(chosen, kept);
    }
  }

  /** What stays and does not fit what came: pip says so too, and goes on. */
  private warnBroken(chosen: readonly Installable[], kept: ReadonlyMap<string, Distribution>): void {
    const came = new Map(chosen.map(candidate => [candidate.name, candidate]));
    const packed = packagesOf(this.cell.kernel.manifest);
    const variables = markerVariables(this.tree.python);
    for (const distribution of kept.values()) {
      const ofConda =
        distribution.origin === 'session' ? [] : (packed.get(distribution.name)?.depends ?? []).map(asRequirement);
      const broken = [...needsOf(distribution, variables), ...ofConda].find(need => need && !isMet(need, came));
      if (broken) {
        const who = `${distribution.name} ${distribution.version.text}`;
        const now = came.get(broken.name)?.version.text;
        this.cell.say('stderr', `warning: ${who} needs "${broken.text}", and ${broken.name} is now ${now}\n`);
      }
    }
  }

  private say(text: string): void {
    if (!this.command.quiet) {
      this.cell.say('stdout', text);
    }
  }
}

function isMet({ name, specifiers }: Requirement, came: ReadonlyMap<string, Installable>): boolean {
  const candidate = came.get(name);
  return candidate === undefined || fits(candidate.version, specifiers);
}

/** A match spec, where its versions are written as pip's are too. */
function asRequirement(spec: string): Requirement | null {
  try {
    return parseRequirement(spec);
  } catch {
    return null;
  }
}

function needsOf(distribution: Distribution, variables: MarkerVariables): Requirement[] {
  try {
    return distribution.requires().filter(requirement => holdsWithout(requirement, variables));
  } catch {
    return []; // Its metadata cannot be read: nothing is known.
  }
}

function holdsWithout(requirement: Requirement, variables: MarkerVariables): boolean {
  return holds(requirement.marker, { ...variables, extra: '' });
}

function origin({ origin }: Distribution): string {
  return {
    conda: 'a conda package of the environment',
    wheel: 'a wheel of the environment',
    session: 'installed in this session',
  }[origin];
}

function titles(chosen: readonly Installable[]): string {
  return chosen
    .map(({ name, version }) => `${name}-${version.text}`)
    .sort()
    .join(' ');
}

async function uninstall(command: Command, tree: EnvironmentTree, cell: InstallCell): Promise<void> {
  const installed = tree.installed();
  const found = command.specs.map(spec => {
    const distribution = installed.get(normalize(spec));
    if (!distribution) {
      cell.say('stderr', `warning: skipping ${spec}, which is not installed\n`);
    }
    return distribution;
  });
  for (const distribution of found.filter(entry => entry !== undefined)) {
    tree.remove(await tree.filesOf(distribution));
    if (!command.quiet) {
      cell.say('stdout', `Successfully uninstalled ${distribution.name}-${distribution.version.text}\n`);
    }
  }
  if (!command.quiet && found.some(entry => entry && entry.origin !== 'session')) {
    cell.say('stdout', 'A restart of the kernel brings back what belongs to the environment.\n');
  }
}

function listing(distributions: readonly Distribution[], format: Command['format']): string {
  const rows = [...distributions]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, version, origin }) => ({ name, version: version.text, origin }));
  if (format === 'json') {
    return `${JSON.stringify(rows.map(({ name, version }) => ({ name, version })))}\n`;
  }
  if (format === 'freeze') {
    return rows.map(({ name, version }) => `${name}==${version}\n`).join('');
  }
  return table([['Package', 'Version', 'From'], ...rows.map(({ name, version, origin }) => [name, version, origin])]);
}

/** Columns as wide as their widest cell, with a line below the first row. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `${row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join(' ')
      .trimEnd()}\n`;
  const [head = [], ...body] = rows.map(line);
  return [head, line(widths.map(width => '-'.repeat(width))), ...body].join('');
}

function shown(name: string, tree: EnvironmentTree): string {
  const found = tree.installed().get(normalize(name));
  if (!found) {
    throw new Refused(`"${name}" is not installed`);
  }
  const requires = [
    ...new Set(
      found
        .requires()
        .filter(requirement => holdsWithout(requirement, markerVariables(tree.python)))
        .map(requirement => requirement.name)
    ),
  ];
  return [
    `Name: ${found.title}`,
    `Version: ${found.version.text}`,
    `Summary: ${found.summary()}`,
    `Location: ${tree.absolute(tree.site)}`,
    `Requires: ${requires.sort().join(', ')}`,
    `From: ${origin(found)}`,
    '',
  ].join('\n');
}

/** What Python says of itself in a browser. */
export function markerVariables(python: string): MarkerVariables {
  return {
    python_version: python.split('.').slice(0, 2).join('.'),
    python_full_version: python,
    os_name: 'posix',
    sys_platform: 'emscripten',
    platform_system: 'Emscripten',
    platform_machine: 'wasm32',
    platform_release: '',
    platform_version: '',
    platform_python_implementation: 'CPython',
    implementation_name: 'cpython',
    implementation_version: python,
    extra: '',
  };
}
