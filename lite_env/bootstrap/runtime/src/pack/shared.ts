import type { Compressed } from '../io/verify';
import type { Checker } from './check';

/** In `requires` of a site's copy of a manifest, where files that several packs have in common lie once on the site. */
export const SHARED_FILES = 'shared-files';
/** Where they lie, from a pack's folder; each is named by the SHA-256 of what is stored. */
export const SHARED_FOLDER = '../../files/';

const NAME = /^([0-9a-f]{64})(?:\.[A-Za-z0-9]+)*$/;

/** Where the site has a file of a pack. */
export type Locate = <T extends Compressed>(file: T) => T;

/** Read what a site's copy of a manifest says of shared files; every other file is in the pack's folder. */
export function readShared(check: Checker, value: unknown): Locate {
  const places = new Map(
    Object.entries(check.object(value, 'shared')).map(([path, place]) => {
      const where = `shared["${check.path(path, 'a key of shared')}"]`;
      const text = check.string(place, where);
      const name = text.startsWith(SHARED_FOLDER) ? sharedName(text.slice(SHARED_FOLDER.length)) : null;
      return [path, { text, where, sha256: name ?? check.fail(where, place, `a file of ${SHARED_FOLDER}`) }];
    })
  );
  return file => {
    const place = places.get(file.path);
    if (place && place.sha256 !== file.sha256) {
      check.fail(place.where, place.text, `the file with the SHA-256 ${file.sha256}`);
    }
    return place ? { ...file, path: place.text } : file;
  };
}

/** The SHA-256 in the name of a shared file; null where it is no such name. */
export function sharedName(name: string): string | null {
  return NAME.exec(name)?.[1] ?? null;
}
