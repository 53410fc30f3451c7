import { BootError, describe } from '../errors';

/** What a manifest says now, while a page still runs by what it said at its start. */
export type ManifestNow = Uint8Array | BootError | null;

/**
 * The cause of a refusal that may say that a file is not there: hosts that do not let everybody list their files, as S3,
 * answer 403 for what they do not have.
 */
export const FORBIDDEN = 'forbidden or not there';

/** Whether a file that is not there may have been there when the page was opened. */
export function mayBeGone(error: unknown): error is BootError {
  return isGone(error) || (error instanceof BootError && error.cause === FORBIDDEN);
}

function isGone(error: unknown): error is BootError {
  return error instanceof BootError && ['FileMissing', 'HtmlInsteadOfFile'].includes(error.name);
}

/**
 * Why a file that the manifest names is missing: files are named by their hashes, so a new deployment has others, and
 * a tab that was open before knows the old ones only. `now` is null where the manifest cannot be had; where the server
 * forbids that as well it may want a login, and its refusal is what is told.
 */
export function whyGone(error: BootError, before: Uint8Array | null, now: ManifestNow): BootError {
  const { file } = error.failure;
  const where = { ...(file === null ? {} : { file }), cause: error };
  if (isGone(now)) {
    return new BootError('Redeployed', `the environment is not deployed here any more: ${describe(error)}`, {
      ...where,
      hint: 'it was removed or renamed while this page was open: go to the start page of the site and open it again',
    });
  }
  if (before && now instanceof Uint8Array && !isEqual(before, now)) {
    return new BootError('Redeployed', `a newer version was deployed while this page was open: "${file}" is of the old one`, {
      ...where,
      hint: 'reload the page, which starts the new version; what is on /drive is still there',
    });
  }
  return error;
}

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
