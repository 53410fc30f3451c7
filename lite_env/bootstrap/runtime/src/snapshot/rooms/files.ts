/** What a start has made in the file system beside the environment's files. */
import { fromBase64, toBase64 } from '../../base64';
import type { FileSystem, FSNode } from '../../fs/emscripten';
import { isUntouched } from '../../fs/lazy';
import { guard } from '../unusable';

/** What a start writes is small: settings, and a text that says what a folder is for. */
const MOST_BYTES = 1024 * 1024;
/** What Emscripten makes anew in each start. */
const ITS_OWN = new Set(['/dev', '/proc']);

export interface Files {
  /** Absolute paths; a folder comes before what is in it. */
  readonly folders: readonly string[];
  /** With their contents as base64. */
  readonly files: readonly (readonly [path: string, contents: string])[];
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
      } else if (isKnown) {
        guard(isUntouched(node), `the start has changed "${at}"`);
      } else {
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
  const open = (fs.streams ?? []).flatMap((stream, fd) => (stream && fd > 2 ? [fd] : []));
  guard(open.length === 0, `the start has left a file open (${open.join(', ')})`);
  return { folders, files };
}

export function putFiles({ folders, files }: Files, fs: FileSystem): void {
  folders.forEach(path => fs.mkdirTree(path));
  for (const [path, contents] of files) {
    guard(fs.writeFile !== undefined, 'its file system cannot be written to');
    fs.writeFile(path, fromBase64(contents));
  }
}
