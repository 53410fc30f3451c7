/**
 * The seam between what starts and feeds any kernel and what knows the kernels of one family.
 *
 * A family is a folder beside this file and a line in index.ts. What a family's kernels need of their worker, their
 * files and their globals is known in its folder and nowhere else.
 */
import type { FileSystemHost } from '../fs/emscripten';
import type { Inflater } from '../io/inflate';
import type { Transport } from '../io/transport';
import type { Compressed } from '../io/verify';
import type { StreamName } from '../kernel/output';
import type { KernelNetwork } from '../network/kernel';
import type { Checker } from '../pack/check';
import type { PackedKernel } from '../pack/manifest';
import type { Tree } from '../pack/tree';
import type { JupyterMessage } from '../protocol';
import type { Snapshot, Taken } from '../snapshot/form';
import type { Libraries } from '../snapshot/rooms/environment';

/** What a family does with a kernel of its own. */
export interface Runtime {
  /** As manifests name it. */
  readonly family: string;
  /**
   * Find what the family needs among the files of a kernel.
   *
   * @throws BootError at `where`, the kernel's place in the manifest.
   */
  read(kernel: PackedKernel, check: Checker, where: string): Startable;
}

/** A kernel whose part of the manifest is sound. */
export interface Startable {
  /** The file whose coming takes longest: what is needed only after it is asked for when it is nearly there. */
  readonly main: Compressed;
  /** What is shown as under way while the interpreter starts, and blamed when it does not. */
  readonly script: Compressed;
  /** The script opened up, so that snapshots see what it keeps to itself; as it is where nobody knows how. */
  open(script: Uint8Array): Uint8Array;
  /** Fetch the kernel's own files and load them; nothing of the language has started when it resolves. */
  load(surroundings: Surroundings): Promise<Loaded>;
}

/** What a kernel finds around itself. */
export interface Surroundings {
  /** The global object of the worker, where families put what their kernels look for. */
  readonly scope: object;
  readonly files: Inflater;
  readonly transport: Transport;
  /** Where the environment's files will be. */
  readonly prefix: string;
  /** What programs find in their environment. */
  readonly variables: Readonly<Record<string, string>>;
  /** The kernel's script, checked; where it is to be one that can be saved and restored, opened up. */
  script(): Promise<Uint8Array>;
  /** What carries the HTTP requests of its programs. */
  readonly network: KernelNetwork;
  /** Turns a path in the pack into what a script can fetch by itself. */
  locate(path: string): string;
  /** Takes what the kernel sends: Jupyter messages, and whatever else. */
  post(message: unknown): void;
  /** Takes lines that a program writes past the kernel's own streams. */
  print(name: StreamName, line: string): void;
}

/** A kernel whose code is there. */
export interface Loaded {
  /** The file system that is to be filled; null where there is none. */
  readonly files: FileSystemHost | null;
  /**
   * What is to be told the prefix-relative path of each file before it is first opened, so that the libraries that it
   * needs are there; null where the kernel's linker finds them itself.
   */
  libraries(tree: Tree): ((path: string) => void) | null;
  /** Start the interpreter, if there is one, wait for `interpreted()`, which tells that it is up, and start the kernel. */
  start(interpreted: () => Promise<void>): Promise<Running>;
  /** How it is saved, and restored in place of its start, once the environment's files are shown; a text says why neither can be. */
  saving(tree: Tree): Saving | string;
}

/** Saves a started kernel, and makes one of what was saved. */
export interface Saving {
  /**
   * Copy a kernel that was started plainly, while nothing of it runs and before its user has run anything.
   *
   * @throws Unusable: it is in a state that no snapshot has.
   */
  take(): Taken;
  /**
   * Import modules into a kernel that was started plainly, so that the copy has them; its user's names stay as they are.
   *
   * @throws Unusable: one cannot be imported, and the kernel is not to be copied any more.
   */
  preload(modules: readonly string[]): Promise<void>;
  /** Make the kernel that was saved, with its libraries by their paths. When it fails, what was loaded is of no use any more. */
  restore(snapshot: Snapshot, libraries: Libraries): Promise<Running>;
}


/** A kernel that takes messages. */
export interface Running {
  /**
   * Hand over a message; resolves when the kernel has done with it, also when it does so after it has returned: has
   * replied, is idle, or will never say any more of it, having been interrupted at the wrong moment.
   */
  handle(message: JupyterMessage): Promise<void>;
  /** From now on `input()` is answered by `ask`. */
  input(ask: Ask): void;
  /** Listen to interrupts through that memory (kernel/interrupt.ts); whether the kernel can. */
  listen(interrupt: SharedArrayBuffer): boolean;
  /** The modules that a cell is about to import. */
  imports(code: string): readonly string[];
  /** The cell that runs a program of the environment, at that absolute path and with that text, as a file in the user's namespace. */
  program(path: string, text: string): string;
  /** What was thrown out of the kernel, in words. */
  explain(error: unknown): string;
}

/** Block until the question that the kernel has posted last, an `input_request`, is answered. */
export type Ask = () => Answer;

export interface Answer {
  /** The `input_reply`; an empty one where nothing came. */
  readonly reply: JupyterMessage;
  /** Whether an interrupt came in its place. */
  readonly interrupted: boolean;
}
