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

/** Why a request was refused, by the name of the errno that the program gets. */
export const ERRNO = {
  EACCES: 2,
  EEXIST: 20,
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
