import type { FileSystemHost } from '../fs/emscripten';
import type { PackedKernel } from '../pack/manifest';
import type { Tree } from '../pack/tree';

/** A running kernel as an installer sees it. */
export interface Installation {
  readonly kernel: PackedKernel;
  /** The file system that packages are put into; null where there is none. */
  readonly files: FileSystemHost | null;
  /** Where the environment's files are. */
  readonly prefix: string;
  /** What programs find in their environment. */
  readonly variables: Readonly<Record<string, string>>;
  /** The manifest, as it was when the kernel started. */
  readonly manifest: Uint8Array;
  /** A file beside the manifest, as the server has it now; rejects where there is none. */
  read(path: string): Promise<Uint8Array>;
  /** Read the index of the environment's files once more. */
  index(): Promise<Tree>;
}
