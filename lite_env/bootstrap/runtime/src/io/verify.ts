import { BootError } from '../errors';
import { sha256Hex, sha256Sync } from './digest';

/** What the manifest says of a served file. */
export interface Expected {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
  /** What a browser keeps in its place. */
  readonly keepAs?: Plain & { inflate(data: Uint8Array): Promise<Uint8Array> };
}

/** A file without its compression: where it is kept, and its hash. */
export interface Plain {
  readonly path: string;
  readonly sha256: string;
}

/** A served file that is zstd, and what it becomes: how many bytes, with which SHA-256. */
export interface Compressed extends Expected {
  readonly rawSize: number;
  readonly digest: string;
}

const REDEPLOY = 'the site was deployed incompletely, or a cache holds an older file: deploy the whole pack again';

/** Check bytes against the manifest before anything is made of them. */
export async function verify(data: Uint8Array, expected: Expected): Promise<void> {
  verifySize(data, expected);
  verifyDigest(await sha256Hex(data), expected);
}

/** `verify` while the caller blocks. */
export function verifySync(data: Uint8Array, expected: Expected): void {
  verifySize(data, expected);
  verifyDigest(sha256Sync(data), expected);
}

function verifySize(data: Uint8Array, { path, size }: Expected): void {
  if (data.length === size) {
    return;
  }
  refuseHtml(data, path);
  const found = `"${path}" has ${data.length} bytes, the manifest says ${size}`;
  if (data.length < size) {
    throw new BootError('Truncated', `truncated file: ${found}`, { file: path, hint: REDEPLOY });
  }
  throw new BootError('SizeMismatch', `wrong file: ${found}`, { file: path, hint: REDEPLOY });
}

function verifyDigest(found: string, { path, sha256 }: Expected): void {
  if (found !== sha256) {
    throw new BootError('HashMismatch', `wrong content: "${path}" has SHA-256 ${found}, the manifest says ${sha256}`, {
      file: path,
      hint: REDEPLOY,
    });
  }
}

/** Refuse a page that a host served in a file's place, with status 200. */
export function refuseHtml(data: Uint8Array, path: string): void {
  const head = new TextDecoder().decode(data.subarray(0, 64)).trimStart().toLowerCase();
  if (head.startsWith('<!doctype html') || head.startsWith('<html')) {
    throw htmlInstead(path);
  }
}

/** Whether a server says that it sends a page; no file of a pack is one. */
export function isPage(contentType: string | null): boolean {
  return contentType?.toLowerCase().startsWith('text/html') ?? false;
}

export function htmlInstead(path: string): BootError {
  return new BootError('HtmlInsteadOfFile', `the server answered an HTML page in place of "${path}"`, {
    file: path,
    hint: 'the file is not deployed and the host falls back to its start page, or it wants a login: deploy the whole pack',
  });
}
