/** The kernel's own files behind a snapshot, which are checked while it is read. */
import { sha256Hex } from '../io/digest';
import type { Here } from '../io/inflate';
import type { Files } from './form';

/** By their SHA-256. */
export type Behind = ReadonlyMap<string, Here>;

/** The checks are begun in the order of the files: what is needed first comes first. */
export function checked(files: Files): Behind {
  const here = ([digest, bytes]: readonly [string, Uint8Array]) =>
    [digest, { bytes, isRight: sha256Hex(bytes).then(found => found === digest) }] as const;
  return new Map([...files].map(here));
}

/** Resolves when the first of them was checked and has been used, for which a digest of much else would have to wait. */
export async function usedFirst(behind: Behind): Promise<void> {
  const [first] = behind.values();
  if (first) {
    await first.isRight;
    await new Promise(resolve => setTimeout(resolve));
  }
}
