/** What the kernel's worker and the one with the solver tell each other. */
import type { PackageTarget } from './conda-package';
import type { PlacedFile } from './wheel';

/** A conda package that is in the environment, or shall be. */
export interface CondaRecord {
  readonly name: string;
  readonly version: string;
  readonly build: string;
  readonly subdir: string;
  readonly fileName: string;
  readonly sha256: string | null;
  readonly depends: readonly string[];
}

export interface SolveAsk {
  readonly specs: readonly string[];
  /** What is there; all of it stays that is not among `free`. */
  readonly installed: readonly CondaRecord[];
  /** Names that may change. */
  readonly free: readonly string[];
  readonly upgrade: boolean;
  /** What is named is fetched also where it is there. */
  readonly force: boolean;
  /** Addresses, the first of them first. */
  readonly channels: readonly string[];
  readonly platform: string;
  readonly target: PackageTarget;
  /** Only say what would be done. */
  readonly dryRun: boolean;
  /** Only packages that are named. */
  readonly only: readonly string[] | null;
}

export interface SolvedPackage extends CondaRecord {
  readonly url: string;
  readonly size: number;
  /** None of a dry run. */
  readonly files: readonly PlacedFile[];
}

export type SolverSays =
  | { readonly type: 'say'; readonly text: string }
  | { readonly type: 'done'; readonly packages: readonly SolvedPackage[] }
  | { readonly type: 'failed'; readonly message: string; readonly hint: string | null };
