/** What a page sees of a kernel: everything here is the documented embedding API (docs/embedding.md). */
import type { UploadPiece } from '../drive/channel';
import type { Failure } from '../errors';
import type { Figures, JupyterMessage, Phase, Prefetch } from '../protocol';

export type { Failure, FailureName } from '../errors';
export type { Figures, JupyterMessage, Phase, Prefetch } from '../protocol';

/** How far a file has been loaded, in bytes as they lie in the pack. */
export interface Progress {
  readonly phase: Phase;
  /** Path in the pack. */
  readonly file: string;
  readonly loaded: number;
  /** 0 where the size is not known. */
  readonly total: number;
}

/** One file or folder as the Jupyter contents API describes it. */
export interface ContentsModel {
  readonly name: string;
  readonly path: string;
  /** A folder is `directory`; everything else is treated as a file. */
  readonly type: string;
  /** Text, base64, a notebook's object, or the models of a folder. */
  readonly content?: unknown;
  readonly format?: string | null;
  /** Bytes. */
  readonly size?: number | null;
  readonly created?: string;
  readonly last_modified?: string;
}

/**
 * What a manager that is a file system does besides: each in one step, which happens wholly or not at all, whoever else
 * is at the same place. Of other managers the drive looks first, which another page may come between.
 */
export interface FileSystemContents {
  /** Make an empty file; one that is there is refused with status 409, or a `DriveError` `EEXIST`. */
  makeFile(path: string): Promise<unknown>;
  /** Make a folder by its name; what is there is refused in the same way. */
  makeFolder(path: string): Promise<unknown>;
  /** Remove a file or an empty folder; a full one is refused. */
  remove(path: string): Promise<void>;
  /** Move a file or a folder; a file that is there is replaced, an empty folder by a folder. */
  replace(path: string, newPath: string): Promise<unknown>;
}

export type { UploadPiece };

/** A piece of a file. */
export interface FilePiece {
  readonly data: Uint8Array;
  /** Bytes of the whole file. */
  readonly size: number;
  /** Changes whenever the file does. */
  readonly version: string;
}

/** What a manager does besides that holds more than fits into a text. */
export interface PieceContents {
  readPiece(path: string, offset: number, length: number): Promise<FilePiece>;
  /** Add to a file that is being uploaded; with the last piece it takes its place. */
  writePiece(path: string, data: Uint8Array, piece: UploadPiece): Promise<void>;
  /** Nobody goes on with that upload; it may have ended or failed already. */
  dropUpload?(upload: string): Promise<void>;
}

/**
 * The part of the Jupyter contents API that a drive needs: `Contents.IManager` of @jupyterlab/services has it,
 * JupyterLite's drives have it, and so has `BrowserContents`.
 */
export interface ContentsManager extends Partial<FileSystemContents>, Partial<PieceContents> {
  get(path: string, options?: { content?: boolean }): Promise<ContentsModel>;
  save(path: string, options: { type: 'file'; format: 'base64'; content: string }): Promise<unknown>;
  delete(path: string): Promise<void>;
  rename(path: string, newPath: string): Promise<unknown>;
  newUntitled(options: { path: string; type: 'directory' }): Promise<ContentsModel>;
}

/** A folder that a server shows over the drive protocol, such as `lite-env serve --drive`. */
export interface ServerDrive {
  readonly kind: 'server';
  /** URL of the endpoint, relative to the page: `api/drive`. */
  readonly url: string;
  /** Sent as `X-Lite-Env-Token`. */
  readonly token?: string;
  readonly name?: string;
  readonly mountpoint?: string;
}

/** Contents that live in the page: what JupyterLab or JupyterLite shows in its file browser. */
export interface ContentsDrive {
  readonly kind: 'contents';
  readonly contentsManager: ContentsManager;
  /** Of several drives of the manager the one that is meant. */
  readonly name?: string;
  readonly mountpoint?: string;
}

/** The browser's own storage; pages of one origin that give the same name share it. */
export interface BrowserDrive {
  readonly kind: 'browser';
  readonly name?: string;
  /** Name of a storage whose files are copied into this one when it is opened for the first time. */
  readonly takesOver?: string;
  readonly mountpoint?: string;
}

export type DriveOption = ServerDrive | ContentsDrive | BrowserDrive;

/** The beginning of a start: both take a round trip, which need not wait for the page's own scripts. */
export interface Ahead {
  /** Made of the runtime's worker.js; nobody else may speak to it. */
  readonly worker: Worker;
  /** With which it was made; `classic` when left out. */
  readonly type?: 'classic' | 'module';
  /** The `error` that the worker has told already, if it has. */
  readonly error?: Event | null;
  /** The answer for the manifest. */
  readonly manifest?: Promise<Response> | null;
}

export interface KernelOptions {
  /** URL of a pack's manifest.json, relative to the page. */
  readonly manifest: string;
  /** Name of the kernel where the pack has several; else the first. */
  readonly kernel?: string;
  /**
   * What the kernel's worker has to run, as the manifest says (`kernels[].runtime.worker`): it is made before the manifest
   * is there. Left out: `classic`.
   */
  readonly worker?: 'classic' | 'module';
  /** What the kernel sees as `/drive`; nothing when left out. */
  readonly drive?: DriveOption | null;
  /** Folder of the drive, relative to its root, in which the kernel starts. */
  readonly cwd?: string;
  /** Environment variables besides those of the pack. */
  readonly env?: Readonly<Record<string, string>>;
  /** URL of the folder that holds worker.js; else the folder of this module. */
  readonly runtime?: string;
  /**
   * URL of the site's service worker, which is registered if it is not. Without shared memory it is what carries
   * `input()`, and the requests to a drive that lives in the page. Left out: one that the page already has is used;
   * null: none.
   */
  readonly serviceWorker?: string | null;
  /**
   * What is loaded into the browser's caches once the kernel runs, while no cell does: nothing when left out, what the
   * imports that were traced need, or all of the environment.
   */
  readonly prefetch?: Prefetch;
  /**
   * Whether the kernel may be restored from a snapshot that an earlier visit left in this browser, and leave one for the
   * next: so it may unless this is false.
   */
  readonly snapshots?: boolean;
  /** What the page began before this module was there. */
  readonly ahead?: Ahead | null;
  /** Ends the start; afterwards `dispose()` does. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  readonly onLog?: (level: 'info' | 'warn' | 'error', text: string) => void;
}

export type Unsubscribe = () => void;

/** Ends a start, or tells of trouble while the kernel runs. */
export class KernelError extends Error {
  constructor(readonly failure: Failure) {
    super(failure.message);
    this.name = failure.name;
  }

  /** What to do, where that is known. */
  get hint(): string | null {
    return this.failure.hint;
  }
}

export interface RequestOptions {
  /** Told of every message that the request causes on iopub: streams, results, displays, errors, states. */
  readonly onOutput?: (message: JupyterMessage) => void;
  /** Asked when the program calls `input()`; rejecting gives it an empty answer. */
  readonly onInput?: (prompt: string, password: boolean) => Promise<string>;
}

export interface ExecuteOptions extends RequestOptions {
  readonly silent?: boolean;
  readonly storeHistory?: boolean;
  readonly stopOnError?: boolean;
}

export interface Kernel {
  /** Name of the kernel in the pack. */
  readonly name: string;
  /** Whether `interrupt()` can reach a running cell: the page is cross-origin isolated and the kernel listens. */
  readonly canInterrupt: boolean;
  /** Whether `input()` can be answered: shared memory or a service worker. */
  readonly canInput: boolean;
  /** Hand over any Jupyter message; what it causes comes to the listeners. */
  send(message: JupyterMessage): void;
  /** Send a request on shell and wait for its reply; `onOutput` has had all its output by then. */
  request(type: string, content: Record<string, unknown>, options?: RequestOptions): Promise<JupyterMessage>;
  /** `request` for the commonest case. */
  execute(code: string, options?: ExecuteOptions): Promise<JupyterMessage>;
  onMessage(listener: (message: JupyterMessage) => void): Unsubscribe;
  /** Told of failures after the start; after a fatal one only `restart()` and `dispose()` are left. */
  onError(listener: (failure: Failure, fatal: boolean) => void): Unsubscribe;
  /** Answer an `input_request` by its text or by a whole `input_reply`; not needed with `onInput`. */
  answerInput(reply: string | JupyterMessage): void;
  /** Interrupt the running cell; throws `KernelError` where `canInterrupt` is false. */
  interrupt(): void;
  /** End the interpreter, whatever it does, and start another one. */
  restart(): Promise<void>;
  /** End the worker; the kernel cannot be used any more. */
  dispose(): void;
  /** What has been loaded so far. */
  figures(): Promise<Figures>;
}
