import type { Phase, Progress } from '../embed/api';

/** One file on its way. */
export interface FileProgress {
  readonly file: string;
  readonly label: string;
  readonly loaded: number;
  readonly total: number;
}

/** What a start has moved so far; a value, made anew by every step. */
export interface StartProgress {
  readonly phase: Phase;
  readonly files: readonly FileProgress[];
  readonly loaded: number;
  /** Bytes of all files asked for so far; it is known in full soon after the manifest. */
  readonly total: number;
}

export const NOTHING: StartProgress = { phase: 'manifest', files: [], loaded: 0, total: 0 };

const ORDER: readonly Phase[] = ['manifest', 'index', 'kernel', 'archive', 'interpreter', 'startup', 'ready'];
const PHASES: Readonly<Record<Phase, string>> = {
  manifest: 'reading the manifest',
  index: 'reading the file index',
  kernel: 'loading the kernel',
  archive: 'loading archives',
  interpreter: 'starting the interpreter',
  startup: 'running the start-up code',
  ready: 'ready',
};

/** Take one step in; a phase never goes back, since files of all phases come in parallel. */
export function advance(before: StartProgress, step: Progress): StartProgress {
  const { file, loaded, total } = step;
  const phase = ORDER.indexOf(step.phase) > ORDER.indexOf(before.phase) ? step.phase : before.phase;
  if (['interpreter', 'startup', 'ready'].includes(step.phase)) {
    return { ...before, phase };
  }
  const entry = { file, label: fileLabel(file), loaded, total };
  const known = before.files.some(other => other.file === file);
  const files = known ? before.files.map(other => (other.file === file ? entry : other)) : [...before.files, entry];
  return { phase, files, loaded: sum(files, 'loaded'), total: sum(files, 'total') };
}

export function phaseText(phase: Phase): string {
  return PHASES[phase];
}

/** A path of the pack without its long digest: `archives/<64 hex>.tar.zst` becomes `archive 0123abcd`. */
export function fileLabel(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const digest = /^(?:index-)?([0-9a-f]{8})[0-9a-f]{8,56}\./.exec(name)?.[1];
  if (digest) {
    return path.startsWith('archives/') ? `archive ${digest}` : 'file index';
  }
  return name.replace(/-[0-9a-f]{16,64}(?=\.)/, '').replace(/\.zst$/, '');
}

function sum(files: readonly FileProgress[], key: 'loaded' | 'total'): number {
  return files.reduce((all, file) => all + file[key], 0);
}
