/**
 * The drive protocol of JupyterLite (`DriveContentsProcessor` of @jupyterlite/services), as both of its sides see it.
 * What we add is optional on either side; see docs/drive.md.
 */
export type DriveMethod = 'readdir' | 'rmdir' | 'rename' | 'getmode' | 'lookup' | 'mknod' | 'getattr' | 'get' | 'put';

export interface DriveRequest {
  readonly method: DriveMethod;
  /** As DriveFS writes it: absolute below the mount point, after `name:` where the drive has a name. */
  readonly path: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

/** Where a piece of a file belongs. */
export interface UploadPiece {
  /** Name of the upload, which nobody else has. */
  readonly upload: string;
  /** Bytes that went before. */
  readonly offset: number;
  /** Bytes of the whole file. */
  readonly size: number;
}

/** The piece that a `put` of a file in pieces brings. */
export function pieceOf({ method, data }: DriveRequest): UploadPiece | null {
  return (method === 'put' && (data?.['piece'] as UploadPiece | undefined)) || null;
}

/** By which a request and its answer find each other, over a restart of the kernel too. */
export interface Ticket {
  /** Of the worker: a kernel that is started again asks in a new one. */
  readonly epoch: string;
  /** Of the request, within the epoch. */
  readonly id: number;
  /** When nobody waits for the answer any more, as `Date.now` counts; what has not begun by then is not done. */
  readonly deadline: number;
}

/** What a worker posts to a page that it shares memory with; see shared.ts. */
export type DriveEnvelope =
  | ({ readonly type: 'drive'; readonly request: DriveRequest } & Ticket)
  /** The next piece of the answer to the request before. */
  | ({ readonly type: 'drive-more' } & Ticket);

/** In which whoever hands a request on over HTTP says whose answer it brings. */
export const REQUEST_ID_HEADER = 'x-lite-env-request';

/** What changes files or names: given up or outlived by its kernel, it may still be under way. */
export function isChange(method: DriveMethod): boolean {
  return method === 'put' || method === 'mknod' || method === 'rename' || method === 'rmdir';
}

/** Why a request was refused, by the name of the errno that the program gets. */
export const ERRNO = {
  EACCES: 2,
  EEXIST: 20,
  EFBIG: 22,
  EINVAL: 28,
  EIO: 29,
  EISDIR: 31,
  ENODEV: 43,
  ENOENT: 44,
  ENOSPC: 51,
  ENOTDIR: 54,
  ENOTEMPTY: 55,
} as const;

export type DriveErrorCode = keyof typeof ERRNO;

export class DriveError extends Error {
  constructor(
    readonly code: DriveErrorCode,
    message: string,
    options?: ErrorOptions
  ) {
    super(message, options);
    this.name = code;
  }
}

/** How an error stands in an answer. */
export interface DriveRefusal {
  readonly error: { readonly code: string; readonly message: string };
}

/** How an error is told to the other side. */
export function refusal(error: unknown): DriveRefusal {
  const code = error instanceof DriveError ? error.code : codeOf(error);
  return { error: { code, message: error instanceof Error ? error.message : String(error) } };
}

/**
 * What an error that is none of a drive's comes down to: `EFBIG` where there was no memory, or no string, so long.
 * Engines say that with a `RangeError`, and V8's own base64 with a `TypeError`.
 */
export function codeOf(error: unknown): DriveErrorCode {
  const isTooLarge = error instanceof RangeError || /invalid (string|array|typed array) length/i.test(String(error));
  return isTooLarge ? 'EFBIG' : 'EIO';
}

/** Carries one request and blocks until its answer is there. */
export interface DriveChannel {
  /** The answer; a `DriveError` where the drive refuses or does not answer. */
  ask(request: DriveRequest): unknown;
}

/** The answer itself, or its refusal as an error. */
export function accept(answer: unknown): unknown {
  const error = (answer as Partial<DriveRefusal> | null | undefined)?.error;
  if (typeof error !== 'object') {
    return answer;
  }
  const code = error.code in ERRNO ? (error.code as DriveErrorCode) : 'EIO';
  throw new DriveError(code, String(error.message));
}
