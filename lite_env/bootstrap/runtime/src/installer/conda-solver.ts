/*! The solver is rattler (https://github.com/conda/rattler), under the BSD-3-Clause license. */
/**
 * Entry of conda-solver.js: a worker of its own that solves, fetches and unpacks for one command and is ended then. The
 * solver is rattler's, as mamba and pixi have it; its memory goes with the worker.
 */
import { simpleSolve, type Platform } from '@conda-org/rattler';
import { Zstd } from '../io/zstd';
import type { CondaRecord, SolveAsk, SolvedPackage, SolverSays } from './conda-messages';
import { unpackConda } from './conda-package';
import { Fetcher } from './fetch';
import { Refused } from './refusal';

/** What every platform of ours offers to packages that ask for it. */
const VIRTUAL = ['__unix', '__emscripten', '__archspec'];

/** What is transferred is there afterwards and not here: packages are large. */
type Port = (message: SolverSays, transferred?: ArrayBuffer[]) => void;

/** A browser's worker hears nothing of what comes before it listens; Node's waits with it. */
function begin(answer: (ask: SolveAsk, post: Port) => void): void {
  const scope = globalThis as unknown as {
    importScripts?: unknown;
    postMessage(message: SolverSays, transferred: ArrayBuffer[]): void;
    addEventListener(type: 'message', listener: (event: MessageEvent<SolveAsk>) => void): void;
  };
  if (scope.importScripts !== undefined) {
    scope.addEventListener('message', event =>
      answer(event.data, (message, transferred = []) => scope.postMessage(message, transferred))
    );
    return;
  }
  void import('node:worker_threads').then(({ parentPort }) => {
    parentPort?.on('message', (ask: SolveAsk) =>
      answer(ask, (message, transferred) => parentPort.postMessage(message, transferred))
    );
  });
}

/** What the first request that failed said: the solver's own words name no host. */
let lost: string | null = null;

/** The solver asks by the global function, and says nothing of what that says. */
function watchFetch(channels: readonly string[]): void {
  const own = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    try {
      return await own(input, init);
    } catch (cause) {
      const reason = (cause as { cause?: { code?: string } }).cause?.code ?? String((cause as Error).message ?? cause);
      const channel = channels.find(address => url.startsWith(address)) ?? url;
      // The solver ends what else it asks for: of that nothing is to be said.
      if ((cause as Error).name !== 'AbortError') {
        lost ??= `${new URL(url).host} cannot be reached for the packages of "${channel}": ${reason}`;
      }
      throw cause;
    }
  };
}

async function solve(ask: SolveAsk): Promise<SolvedPackage[]> {
  const { specs, installed, free, channels, platform, upgrade, only } = ask;
  const first = channels[0] as string;
  const pins = installed
    .filter(({ name }) => !free.includes(name))
    .map(({ name, version, build }) => `${name} ==${version} ${build}`);
  const favoured = installed.filter(({ name }) => !(upgrade && free.includes(name))).map(record => lockedOf(record, first));
  const virtual = VIRTUAL.map(name =>
    lockedOf({ name, version: '0', build: '0', subdir: 'noarch', fileName: name, sha256: null, depends: [] }, first)
  );
  let found: Awaited<ReturnType<typeof simpleSolve>>;
  try {
    found = await simpleSolve(
      [...specs, ...pins],
      [...channels],
      ['noarch', platform as Platform],
      [...favoured, ...virtual]
    );
  } catch (cause) {
    if (lost) {
      throw new Refused(lost, 'see that there is a network, and that the server lets other pages read it (CORS)');
    }
    throw new Refused(
      `the environment cannot have ${specs.join(', ')}: ${describe(cause)}`,
      'what the environment has stays as it is, unless the command names it'
    );
  }
  const there = new Set(installed.filter(({ name }) => !(ask.force && free.includes(name))).map(keyOf));
  return found
    .map(item => ({
      name: item.packageName,
      version: item.version,
      build: item.build,
      subdir: item.subdir ?? 'noarch',
      fileName: item.filename,
      sha256: item.sha256 ?? null,
      depends: item.depends ?? [],
      url: item.url,
      size: Number(item.size ?? 0),
      files: [],
    }))
    .filter(
      record => !VIRTUAL.includes(record.name) && !there.has(keyOf(record)) && (only === null || only.includes(record.name))
    )
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function keyOf({ name, version, build }: Pick<CondaRecord, 'name' | 'version' | 'build'>): string {
  return `${name}-${version}-${build}`;
}

function lockedOf({ name, version, build, subdir, fileName, sha256 }: CondaRecord, channel: string) {
  const url = `${channel}${subdir}/${fileName}`;
  return {
    filename: fileName,
    packageName: name,
    repoName: channel,
    version,
    build,
    subdir,
    md5: undefined,
    sha256: sha256 ?? undefined,
    url,
  };
}

function describe(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).trim();
}

async function fetchAll(
  packages: readonly SolvedPackage[],
  ask: SolveAsk,
  say: (text: string) => void
): Promise<SolvedPackage[]> {
  const fetcher = new Fetcher((url, init) => fetch(url, init), new AbortController().signal);
  const zstd = new Zstd();
  await zstd.init();
  const unpacked: SolvedPackage[] = [];
  for (const record of packages) {
    say(`Downloading ${record.fileName} (${(record.size / 1e6).toFixed(1)} MB)\n`);
    if (record.sha256 === null) {
      throw new Refused(`the channel does not tell the sha256 of "${record.fileName}"`);
    }
    const data = await fetcher.file(record.url, `"${record.fileName}"`, record.sha256);
    unpacked.push({ ...record, files: await unpackConda(data, record.fileName, ask.target, zstd) });
  }
  return unpacked;
}

async function work(ask: SolveAsk, post: Port): Promise<void> {
  try {
    watchFetch(ask.channels);
    const packages = await solve(ask);
    const say = (text: string) => post({ type: 'say', text });
    const fetched = ask.dryRun ? packages : await fetchAll(packages, ask, say);
    const buffers = fetched.flatMap(({ files }) => files.map(({ data }) => data.buffer as ArrayBuffer));
    post({ type: 'done', packages: fetched }, buffers);
  } catch (error) {
    const { message = String(error), hint = null } = error as Partial<Refused>;
    post({ type: 'failed', message, hint });
  }
}

begin((ask, post) => void work(ask, post));
