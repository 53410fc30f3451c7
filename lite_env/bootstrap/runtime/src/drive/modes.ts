/** The type of a file in its mode, as POSIX, Emscripten and the drive protocol number it. */
const S_IFMT = 0o170000;
export const S_IFDIR = 0o040000;
export const S_IFREG = 0o100000;

/** What a drive shows: nobody is kept out. */
export const FOLDER_MODE = S_IFDIR | 0o777;
export const FILE_MODE = S_IFREG | 0o666;

export function isFolder(mode: number): boolean {
  return (mode & S_IFMT) === S_IFDIR;
}
