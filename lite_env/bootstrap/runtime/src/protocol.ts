/** The envelopes between a host (page, Node, JupyterLite) and the worker that runs the kernel. */
import type { DriveEnvelope } from './drive/channel';
import type { Failure } from './errors';
import type { FetchEnvelope } from './network/channel';
import type { NetworkGrant } from './network/grant';

/** A Jupyter message as it goes through `postMessage`; buffers are binary. */
export interface JupyterMessage {
  header: { msg_id: string; msg_type: string; session: string; [key: string]: unknown };
  parent_header: Record<string, unknown>;
  metadata: Record<string, unknown>;
  content: Record<string, unknown>;
  channel: string;
  buffers?: ArrayBuffer[] | ArrayBufferView[];
}

/** How a blocked worker is reached: memory that both sides see. */
export interface SharedChannels {
  /** The signal, and how many messages were sent before it; see kernel/interrupt.ts. */
  readonly interrupt: SharedArrayBuffer;
  /** State, length and UTF-8 JSON of the answer to an `input_request`; see kernel/input.ts. */
  readonly input: SharedArrayBuffer;
}

/** Where a drive is and how the blocked worker asks it; see drive/. */
export type DriveSource = {
  /** Of several drives of a contents manager the one that is meant; empty for the default. */
  readonly driveName: string;
  /** Where the kernel sees it; else where the manifest says (`mounts.drive`). */
  readonly mountpoint?: string | undefined;
  /** Folder of the drive, relative to its root, in which the kernel starts. */
  readonly cwd?: string;
} & (
  | {
      readonly kind: 'xhr';
      readonly url: string;
      readonly headers: Readonly<Record<string, string>>;
      readonly browsingContextId: string;
      /** The how manieth worker of that context this one is; see docs/drive.md. */
      readonly generation?: number;
    }
  | { readonly kind: 'shared'; readonly buffer: SharedArrayBuffer }
);

/** How `input()` is answered where there is no shared memory: through a service worker. */
export interface StdinSource {
  readonly url: string;
  readonly browsingContextId: string;
}

/** What a worker is told of the ways back to its page. */
export interface LinkSources {
  readonly drive: DriveSource | null;
  readonly stdin: StdinSource | null;
}

/** Which files of the environment were opened, as paths relative to the prefix, in the order of their first opening. */
export interface Trace {
  readonly files: readonly string[];
  /** How many of them were opened until the interpreter was up. */
  readonly interpreter: number;
}

export type Phase = 'manifest' | 'index' | 'kernel' | 'archive' | 'interpreter' | 'startup' | 'ready';

/** What the start has moved so far. */
export interface Figures {
  /** Files asked for, from whatever cache they came. */
  readonly requests: number;
  /** Bytes of those files, as they lie in the pack (before any HTTP compression). */
  readonly bytes: number;
  /** Files of the environment's tree whose contents were needed. */
  readonly files: number;
  /** Seconds since the start. */
  readonly seconds: number;
  /** Where snapshots are used. */
  readonly snapshot?: SnapshotFigures;
}

/** How the start has come about. */
export interface SnapshotFigures {
  /** Seconds after which the kernel was there, as it had been saved; null where it was started plainly. */
  readonly seconds: number | null;
  /** Why it was; empty where it was not. */
  readonly why: string;
  /** Whether kernels of this kind can be restored. */
  readonly possible: boolean;
  /** Whether the pack has brought the snapshot that it was made of. */
  readonly shipped: boolean;
  readonly preload: PreloadFigures;
}

/** What has become of the modules that a snapshot is to have imported. */
export interface PreloadFigures {
  readonly modules: readonly string[];
  /** Whether the kernel has come with them. */
  readonly done: boolean;
  /** Why no kernel does; empty where one may yet. */
  readonly why: string;
}

/** What a pack is to know of a snapshot that was made for it. */
export interface Shipped {
  /** Positions of the archives that a restore reads. */
  readonly archives: readonly number[];
  /** Why it is without the modules that it was to have; empty where it is not. */
  readonly without: string;
}

/** Nothing; what imports that were traced need; every archive. */
export type Prefetch = 'none' | 'imports' | 'all';

export type ToWorker =
  | {
      readonly type: 'start';
      /** URL of manifest.json (browser), or the pack's folder (Node). */
      readonly manifest: string;
      /** What is in it, where the host has it already. */
      readonly manifestData?: Uint8Array | null;
      readonly kernel?: string | null;
      /** URL of the runtime's folder, which a worker of another origin does not know. */
      readonly runtime?: string | null;
      /** Further environment variables; they win over the pack's. */
      readonly env?: Readonly<Record<string, string>>;
      readonly shared?: SharedChannels | null;
      /** Whether the interpreter waits for the drive that a `link` brings. */
      readonly awaitsDrive?: boolean;
      /** What is loaded once the kernel runs, before anybody opens it. */
      readonly prefetch?: Prefetch;
      /** Name of a lock that the worker holds while it lives. */
      readonly pulse?: string | null;
      /** Which servers the kernel may ask, where the host can say; else all. */
      readonly network?: NetworkGrant;
      /** Keep which files of the environment are opened, for `trace`. */
      readonly trace?: boolean;
      /** Whether the kernel's start-up code runs; so it does where nothing is said. */
      readonly startup?: boolean;
      /** Whether the kernel may be restored from a snapshot, and become one; so it may where nothing is said. */
      readonly snapshots?: boolean;
      /** Where snapshots are kept, in Node: without it there are none. */
      readonly snapshotFolder?: string | null;
      /** In a browser: whether the page knows that there is one. Where it does not, nobody looks. */
      readonly snapshotKept?: boolean;
      /** Start in order to make a snapshot, say so in a `snapshot`, and do nothing else. */
      readonly makeSnapshot?: boolean;
      /** Why that one is to be without preloaded modules, in words. */
      readonly withoutPreload?: string;
      /** In Node: make it to be shipped, the same whenever and wherever it is made, and write it to that file. */
      readonly snapshotFile?: string | null;
      /** Whether that one has the kernel's modules imported. */
      readonly shipModules?: boolean;
    }
  /** The ways back to the page, once they are there: files are fetched meanwhile. */
  | ({ readonly type: 'link' } & LinkSources)
  | {
      readonly type: 'message';
      readonly message: JupyterMessage;
      /** Replies to cells that the host had seen: one of a cell that failed is not known to who sent fewer. */
      readonly seen?: number;
      /** How many messages the host has sent with this one; an interrupt says how many there were when it came. */
      readonly number?: number;
    }
  | { readonly type: 'figures' }
  /** Answered by a `trace`, once all that was sent before has been dealt with. */
  | { readonly type: 'trace' }
  /** Answered by a `read`: a file of the kernel's file system. */
  | { readonly type: 'read'; readonly path: string };

export type FromWorker =
  | {
      readonly type: 'progress';
      readonly phase: Phase;
      readonly file: string;
      readonly loaded: number;
      readonly total: number;
    }
  | {
      readonly type: 'ready';
      readonly kernel: string;
      readonly figures: Figures;
      /** Whether an interrupt can reach a running cell. */
      readonly interrupts: boolean;
      /** Whether the kernel shows the drive that it was linked to. */
      readonly drive: boolean;
    }
  /** The worker holds the lock that it was told of in the `start`; see pulse.ts. */
  | { readonly type: 'pulse' }
  | { readonly type: 'figures'; readonly figures: Figures }
  /** A snapshot was to be made; whether it was, and why not where it was asked for. */
  | { readonly type: 'snapshot'; readonly made: boolean; readonly why?: string; readonly shipped?: Shipped }
  | ({ readonly type: 'trace' } & Trace)
  /** `data` is null when there is no such file. */
  | { readonly type: 'read'; readonly path: string; readonly data: Uint8Array | null }
  | { readonly type: 'message'; readonly message: JupyterMessage }
  | { readonly type: 'log'; readonly level: 'info' | 'warn' | 'error'; readonly text: string }
  | { readonly type: 'error'; readonly error: Failure; readonly fatal: boolean }
  | DriveEnvelope
  | FetchEnvelope;

export type Emit = (envelope: FromWorker) => void;
