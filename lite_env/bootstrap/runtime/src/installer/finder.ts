/** Where candidates come from: the environment, wheels that the command names, an index. */
import type { Fetcher } from './fetch';
import { parseMetadata } from './metadata';
import { Refused } from './refusal';
import type { Requirement } from './requirement';
import type { Candidate, Finder, Wanted } from './resolve';
import { readProject, type IndexFile, type Project } from './simple';
import type { Distribution } from './tree';
import { compareVersions, fits, namePrerelease, parseVersion } from './version';
import { openWheel, whyNotTag, type Wheel, type WheelName } from './wheel';

/** A candidate that is to be installed. */
export interface Installable extends Candidate {
  readonly fileName: string;
  /** The wheel, fetched once. */
  open(): Promise<Wheel>;
}

export function isInstallable(candidate: Candidate): candidate is Installable {
  return !candidate.installed;
}

export interface FinderOptions {
  readonly python: string;
  readonly indexes: readonly string[];
  readonly installed: ReadonlyMap<string, Distribution>;
  /** Names that the command asks for itself. */
  readonly named: ReadonlySet<string>;
  /** Wheels that the command names by file or address. */
  readonly given: ReadonlyMap<string, Installable>;
  readonly upgrade: boolean;
  readonly force: boolean;
  readonly pre: boolean;
  /** SHA-256 digests that a file of requirements allows, by name. */
  readonly hashes: ReadonlyMap<string, ReadonlySet<string>>;
  say(text: string): void;
}

export class EnvironmentFinder implements Finder {
  private readonly projects = new Map<string, Promise<Project | null>>();
  private readonly known = new Map<string, Installable>();

  constructor(
    private readonly fetcher: Fetcher,
    private readonly options: FinderOptions
  ) {}

  async candidates(name: string, wanted: readonly Wanted[]): Promise<readonly Candidate[]> {
    const { given, installed, named, upgrade, force } = this.options;
    const own = given.get(name);
    if (own) {
      return [own];
    }
    const there = installed.get(name);
    const isNamed = named.has(name);
    if (there) {
      const keep = asCandidate(there);
      // A wheel of this session may give way to what another one needs.
      const mayGo = isNamed || there.origin === 'session';
      const isFine = fits(
        there.version,
        wanted.flatMap(({ requirement }) => requirement.specifiers)
      );
      if (!mayGo || (isFine && !(isNamed && (upgrade || force)))) {
        return [keep];
      }
    }
    return this.fromIndexes(name, wanted);
  }

  private async fromIndexes(name: string, wanted: readonly Wanted[]): Promise<readonly Candidate[]> {
    const projects = await this.project(name);
    const specifiers = wanted.flatMap(({ requirement }) => requirement.specifiers);
    const { python, hashes, pre } = this.options;
    const version = parseVersion(python);
    const usable = projects.wheels.filter(
      file =>
        whyNotTag(file.wheel, python) === null &&
        (!version || fits(version, file.requiresPython)) &&
        isAllowed(file, hashes.get(name))
    );
    const fitting = usable.filter(({ wheel }) => fits(wheel.version, specifiers));
    const isPinned = specifiers.some(({ operator, prefix }) => operator.startsWith('==') && prefix === null);
    const offered = fitting.filter(({ yanked }) => !yanked || isPinned);
    const final = offered.filter(({ wheel }) => !wheel.version.isPrerelease);
    const chosen = pre || namePrerelease(specifiers) || final.length === 0 ? offered : final;
    if (chosen.length === 0) {
      throw new Refused(...whyNone(name, wanted, projects, usable, python));
    }
    return this.newestFirst(chosen, projects, python, specifiers);
  }

  /** One file a version: of several the last build. */
  private newestFirst(
    files: readonly IndexFile[],
    project: Project,
    python: string,
    specifiers: Requirement['specifiers']
  ): Candidate[] {
    const sorted = [...files].sort(
      (a, b) => compareVersions(b.wheel.version, a.wheel.version) || compareBuilds(b.wheel, a.wheel)
    );
    const newest = sorted[0] as IndexFile;
    const native = project.wheels.find(
      ({ wheel, yanked }) =>
        !yanked &&
        !wheel.version.isPrerelease &&
        compareVersions(wheel.version, newest.wheel.version) > 0 &&
        fits(wheel.version, specifiers) &&
        whyNotTag(wheel, python) !== null
    );
    if (native) {
      this.options.say(
        `${newest.wheel.name} ${newest.wheel.version.text} is not the newest: ${whyNotTag(native.wheel, python)}\n`
      );
    }
    const versions = new Set<string>();
    return sorted.flatMap(file => {
      const key = file.wheel.version.text;
      return versions.has(key) ? [] : (versions.add(key), [this.candidate(file)]);
    });
  }

  private candidate(file: IndexFile): Installable {
    const found = this.known.get(file.url) ?? indexCandidate(file, this.fetcher, this.options);
    this.known.set(file.url, found);
    return found;
  }

  private async project(name: string): Promise<Project> {
    const { indexes } = this.options;
    if (indexes.length === 0) {
      throw new Refused(`"${name}" is not in the environment, and no package index is known`, NO_INDEX);
    }
    let reading = this.projects.get(name);
    if (!reading) {
      reading = Promise.all(indexes.map(index => readProject(this.fetcher, index, name))).then(merged);
      this.projects.set(name, reading);
    }
    const found = await reading;
    if (!found) {
      throw new Refused(
        `no package is called "${name}" in ${indexes.map(index => new URL(index).host).join(', ')}`,
        'see how it is spelt'
      );
    }
    return found;
  }
}

const NO_INDEX = 'name one: --index-url URL, or PIP_INDEX_URL under `variables:` of the environment file';

function merged(projects: readonly (Project | null)[]): Project | null {
  const found = projects.filter(project => project !== null);
  return found.length === 0
    ? null
    : { wheels: found.flatMap(({ wheels }) => wheels), others: found.flatMap(({ others }) => others) };
}

function isAllowed({ sha256 }: IndexFile, allowed: ReadonlySet<string> | undefined): boolean {
  return allowed === undefined || (sha256 !== null && allowed.has(sha256.toLowerCase()));
}

function compareBuilds(a: WheelName, b: WheelName): number {
  return Number.parseInt(a.build || '0', 10) - Number.parseInt(b.build || '0', 10);
}

function asCandidate({ name, version, requires }: Distribution): Candidate {
  return { name, version, installed: true, requires: async () => requires() };
}

function indexCandidate({ wheel, url, sha256, metadata }: IndexFile, fetcher: Fetcher, options: FinderOptions): Installable {
  const open = once(async () => {
    options.say(`Downloading ${wheel.fileName}\n`);
    return openWheel(await fetcher.file(url, `"${wheel.fileName}"`, sha256), wheel);
  });
  const requires = once(async () => {
    if (!metadata) {
      return (await open()).metadata.requires;
    }
    const what = `the metadata of "${wheel.fileName}"`;
    return parseMetadata(await fetcher.file(`${url}.metadata`, what, metadata.sha256), what).requires;
  });
  return { name: wheel.name, version: wheel.version, installed: false, fileName: wheel.fileName, open, requires };
}

/** A wheel whose bytes are there. */
export async function givenCandidate(data: Uint8Array, wheel: WheelName): Promise<Installable> {
  const opened = await openWheel(data, wheel);
  const requires = async () => opened.metadata.requires;
  return {
    name: wheel.name,
    version: wheel.version,
    installed: false,
    fileName: wheel.fileName,
    open: async () => opened,
    requires,
  };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

/** Why an index has nothing to offer: message and hint. */
function whyNone(
  name: string,
  wanted: readonly Wanted[],
  project: Project,
  usable: readonly IndexFile[],
  python: string
): [string, string] {
  const specifiers = wanted.flatMap(({ requirement }) => requirement.specifiers);
  const who = wanted.flatMap(({ by }) => (by ? [` (${by.name} needs it)`] : []))[0] ?? '';
  const asked = `"${wanted[0]?.requirement.text ?? name}"${who} cannot be installed`;
  const conda = `ask for ${name} in the conda part of the environment file, or try \`%conda install ${name}\``;
  const fitting = project.wheels.filter(({ wheel }) => fits(wheel.version, specifiers));
  const newest = newestOf(fitting);
  if (newest) {
    const why =
      whyNotTag(newest.wheel, python) ??
      (usable.includes(newest)
        ? 'it was withdrawn'
        : `it wants Python ${newest.requiresPython.map(({ text }) => text).join(',')}, and this is ${python}`);
    return [`${asked}: ${why}`, conda];
  }
  const best = newestOf(project.wheels);
  if (best) {
    return [`${asked}: the newest wheel is ${best.wheel.version.text}`, 'ask for a version that there is'];
  }
  const source = project.others.at(-1);
  return [
    `${asked}: there is no wheel of it${source ? `, only sources ("${source}"), which cannot be built here` : ''}`,
    conda,
  ];
}

function newestOf(files: readonly IndexFile[]): IndexFile | undefined {
  return [...files].sort((a, b) => compareVersions(b.wheel.version, a.wheel.version))[0];
}
