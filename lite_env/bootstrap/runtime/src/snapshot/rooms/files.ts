/** What a start has made in the file system beside the environment's files, and what of those it has written anew. */
import { fromBase64, toBase64 } from '../../base64';
import type { FileSystem, FSNode, FSStream } from '../../fs/emscripten';
import { isUntouched } from '../../fs/lazy';
import { guard } from '../unusable';

/** What a start writes is small: settings, a list of fonts, and a text that says what a folder is for. */
const MOST_BYTES = 1024 * 1024;
/** What Emscripten makes anew in each start. */
const ITS_OWN = new Set(['/dev', '/proc']);

/** Of the flags of an open file, whether it is read or written; and what says that it is read. */
const [ACCESS, READING] = [3, 0];

export interface Files {
  /** Absolute paths; a folder comes before what is in it. */
  readonly folders: readonly string[];
  /** With their contents as base64. */
  readonly files: readonly (readonly [path: string, contents: string])[];
  /** Files that are being read, in the order of their numbers. */
  readonly open: readonly (readonly [fd: number, path: string, position: number])[];
}

/**
 * `known` are the absolute paths of the environment's files and folders.
 *
 * @throws Unusable: what is there could not be had again.
 */
export function takeFiles(fs: FileSystem, known: ReadonlySet<string>): Files {
  const folders: string[] = [];
  const files: [string, string][] = [];
  let seen = 0;
  let bytes = 0;
  const visit = (folder: FSNode, path: string) => {
    for (const [name, node] of Object.entries((folder.contents ?? {}) as Record<string, FSNode>)) {
      const at = `${path}/${name}`;
      const isKnown = known.has(at);
      seen += isKnown ? 1 : 0;
      if (fs.isDir(node.mode)) {
        if (!ITS_OWN.has(at) && !node.mounted) {
          isKnown || folders.push(at);
          visit(node, at);
        }
      } else if (!isKnown || !isUntouched(node)) {
        guard(fs.isFile(node.mode), `the start has made "${at}", which is neither a file nor a folder`);
        const contents = fs.readFile(at);
        bytes += contents.length;
        guard(bytes <= MOST_BYTES, `the start has written more than ${MOST_BYTES} bytes`);
        files.push([at, toBase64(contents)]);
      }
    }
  };
  visit(fs.root, '');
  guard(seen === known.size, 'the start has removed files of the environment');
  return { folders, files, open: takeOpen(fs) };
}

/** Programs know what they read by its number; what is written would have to be told of all that write. */
function takeOpen(fs: FileSystem): Files['open'] {
  const open = (fs.streams ?? []).filter(stream => stream && stream.fd > 2) as FSStream[];
  return open.map(({ fd, node, path = String(fd), flags = 0, position = 0 }) => {
    guard(fs.isFile(node.mode) && (flags & ACCESS) === READING && isAt(fs, path, node), `the start has left "${path}" open`);
    return [fd, path, position];
  });
}

function isAt(fs: FileSystem, path: string, node: FSNode): boolean {
  try {
    return fs.lookupPath(path).node === node;
  } catch {
    return false;
  }
}

export function putFiles({ folders, files, open }: Files, fs: FileSystem): void {
  folders.forEach(path => fs.mkdirTree(path));
  for (const [path, contents] of files) {
    guard(fs.writeFile !== undefined, 'its file system cannot be written to');
    fs.writeFile(path, fromBase64(contents));
  }
  for (const [fd, path, position] of open) {
    const stream = fs.open?.(path, 'r');
    guard(stream?.fd === fd, `"${path}" cannot be opened as ${fd}`);
    stream.position = position;
  }
}
