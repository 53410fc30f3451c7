/**
 * Every failure of a start has a name that hosts and tests can rely on. The message says what happened, `file` which
 * file of the pack is meant, `hint` what to do.
 */
export type FailureName =
  | 'Offline' // no network, and the file is in no cache
  | 'NetworkFailed' // the request did not get an answer
  | 'FileMissing' // 404 or no such file
  | 'HttpStatus' // any other refusal by the server
  | 'HtmlInsteadOfFile' // a single-page host's fallback, a login page
  | 'Truncated' // fewer bytes than the manifest says
  | 'SizeMismatch' // more bytes than the manifest says
  | 'HashMismatch' // other bytes than the manifest says
  | 'Undecodable' // right bytes that are no zstd, JSON or script
  | 'NotWasm' // the kernel's module is not WebAssembly
  | 'CompileFailed' // the engine refuses the module
  | 'ManifestInvalid' // the manifest or index breaks its format
  | 'UnsupportedFormat' // made by a later, incompatible version
  | 'KernelUnknown' // the pack has no kernel of that name
  | 'AbiMismatch' // glue and module, or packages and interpreter, do not fit
  | 'WorkerMismatch' // the worker runs classic scripts and the kernel wants modules, or the other way round
  | 'Redeployed' // the site has another version now, without what this page asks for
  | 'DriveFailed' // the drive refuses, or does not answer
  | 'InputUnavailable' // nothing can carry the answer to `input()`
  | 'InterruptUnavailable' // nothing can reach a running cell
  | 'OutOfMemory'
  | 'StorageRefused' // the browser keeps no files: blocked or full; not fatal
  | 'InterpreterFailed' // the language's interpreter did not start
  | 'StartupFailed' // the start-up code of a kernel
  | 'KernelFailed'; // the kernel did not start, or trapped

export interface Failure {
  readonly name: FailureName;
  readonly message: string;
  readonly file: string | null;
  readonly hint: string | null;
  /** Of start-up code, in lines without colours. */
  readonly traceback?: readonly string[];
}

/** The one class of errors that the bootstrap throws on purpose. */
export class BootError extends Error {
  readonly failure: Failure;

  constructor(name: FailureName, message: string, where: { file?: string; hint?: string; traceback?: readonly string[]; cause?: unknown } = {}) {
    super(message, where.cause === undefined ? undefined : { cause: where.cause });
    this.name = name;
    const { file = null, hint = null, traceback } = where;
    this.failure = { name, message, file, hint, ...(traceback && { traceback }) };
  }
}

const START_AGAIN = 'start the kernel again, which begins with empty memory; what is on /drive is still there';

/** What to tell of anything that was thrown while `doing` something. */
export function failureOf(error: unknown, doing: string): Failure {
  if (error instanceof BootError) {
    return error.failure;
  }
  const text = describe(error);
  if (isOutOfMemory(text)) {
    return {
      name: 'OutOfMemory',
      message: `out of memory while ${doing}: ${text}`,
      file: null,
      hint: NO_MEMORY,
    };
  }
  return { name: 'KernelFailed', message: `${doing} failed: ${text}`, file: null, hint: START_AGAIN };
}

/** A `BootError` of that name because of `cause`; one that was thrown on purpose, or a lack of memory, stays what it is. */
export function because(
  cause: unknown,
  name: FailureName,
  message: string,
  where: { file?: string; hint?: string }
): BootError {
  if (cause instanceof BootError) {
    return cause;
  }
  const text = describe(cause);
  const lacksMemory = isOutOfMemory(text);
  const better = lacksMemory ? { hint: NO_MEMORY } : isForbidden(text) ? { hint: POLICY } : {};
  return new BootError(lacksMemory ? 'OutOfMemory' : name, `${message}: ${text}`, { ...where, ...better, cause });
}

/** Browsers tell in words alone that a Content-Security-Policy forbids WebAssembly: these are of Chromium, Firefox and WebKit. */
function isForbidden(text: string): boolean {
  return /Content Security Policy|blocked by CSP|unsafe-eval|disallowed by embedder/i.test(text);
}

const NO_MEMORY = 'close other tabs, or pack a smaller environment';
const POLICY =
  "the page's Content-Security-Policy forbids WebAssembly: allow 'wasm-unsafe-eval' in script-src, for the page and for worker.js";

function isOutOfMemory(text: string): boolean {
  return /out of memory|memory allocation|Array buffer allocation|could not allocate memory|\bOOM\b/i.test(text);
}

/** A readable line for anything that can be thrown. */
export function describe(error: unknown): string {
  if (error instanceof Error) {
    return error.message ? `${error.name}: ${error.message}` : error.name;
  }
  // Interpreters throw plain objects, too, that hold the traceback under `message`.
  const message = (error as { message?: unknown } | null | undefined)?.message;
  return typeof message === 'string' ? message : String(error);
}
