/** What the build says of the kernels: the types of lite_env/site/lite_kernels.py. */
import type { Prefetch } from '../protocol';

export interface LiteKernelPlan {
  readonly name: string;
  readonly display_name: string;
  readonly language: string;
  /** Name of the environment. */
  readonly env: string;
  /** Name of the kernel in the pack. */
  readonly kernel: string;
  readonly manifest: string;
  readonly worker: 'classic' | 'module';
  /** Of all files that its start loads. */
  readonly bytes: number;
  /** URLs by name without ending. */
  readonly logos: Readonly<Record<string, string>>;
}

export interface LiteNote {
  readonly level: 'info' | 'warning';
  readonly text: string;
}

/** The document `api/site.json`; its URLs are relative to the folder `lite-env/`. */
export interface LiteSite {
  readonly format: number;
  readonly build: string;
  readonly runtime: string;
  readonly kernels: readonly LiteKernelPlan[];
  readonly default: string | null;
  readonly isolate: boolean;
  readonly prefetch: Prefetch;
  /** Whether kernels may be restored from snapshots. */
  readonly snapshots: boolean;
  readonly notes: readonly LiteNote[];
}

/** What lite_env/site/extension.py writes as the first line of remoteEntry.js. */
export interface Told {
  /** Name of the extension's package. */
  readonly package: string;
  /** The folder `lite-env/`, relative to remoteEntry.js. */
  readonly base: string;
  readonly site: LiteSite;
}
