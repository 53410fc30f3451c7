/** Reads tar files: USTAR, PAX and GNU's long names (POSIX.1-2001). */
import { Refused } from './refusal';

export interface TarEntry {
  /** As it is written; who places files checks it. */
  readonly path: string;
  readonly kind: 'file' | 'symlink' | 'hardlink';
  /** Where a link leads. */
  readonly target: string;
  readonly mode: number;
  readonly data: Uint8Array;
}

const BLOCK = 512;

/** The files and links of a tar. @throws Refused when it is none. */
export function readTar(data: Uint8Array, name: string): TarEntry[] {
  const entries: TarEntry[] = [];
  let longer: { path?: string; target?: string } = {};
  for (let at = 0; at + BLOCK <= data.length;) {
    const header = data.subarray(at, at + BLOCK);
    if (header.every(byte => byte === 0)) {
      break;
    }
    const size = Number.parseInt(text(header, 124, 12), 8);
    const end = at + BLOCK + size;
    if (!Number.isSafeInteger(size) || size < 0 || end > data.length) {
      throw new Refused(`"${name}" is not a sound tar file`, 'it is truncated or another file: get it again');
    }
    const body = data.subarray(at + BLOCK, end);
    const type = text(header, 156, 1) || '0';
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
    if (type === 'x') {
      longer = paxFields(body);
    } else if (type === 'L' || type === 'K') {
      longer = { ...longer, [type === 'L' ? 'path' : 'target']: text(body, 0, body.length) };
    } else {
      if ('012'.includes(type)) {
        entries.push(entryOf(header, type, body, longer));
      }
      longer = type === 'g' ? longer : {};
    }
  }
  return entries;
}

function entryOf(header: Uint8Array, type: string, body: Uint8Array, longer: { path?: string; target?: string }): TarEntry {
  const prefix = text(header, 257, 5) === 'ustar' ? text(header, 345, 155) : '';
  const path = longer.path ?? (prefix ? `${prefix}/${text(header, 0, 100)}` : text(header, 0, 100));
  return {
    path: path.replace(/^(\.\/)+/, ''),
    kind: type === '2' ? 'symlink' : type === '1' ? 'hardlink' : 'file',
    target: longer.target ?? text(header, 157, 100),
    mode: Number.parseInt(text(header, 100, 8), 8) || 0o644,
    data: body,
  };
}

function text(data: Uint8Array, start: number, length: number): string {
  const part = data.subarray(start, start + length);
  const end = part.indexOf(0);
  return new TextDecoder().decode(end < 0 ? part : part.subarray(0, end)).trim();
}

/** Lines of `LENGTH KEY=VALUE`. */
function paxFields(body: Uint8Array): { path?: string; target?: string } {
  const found: { path?: string; target?: string } = {};
  for (const line of new TextDecoder().decode(body).split('\n')) {
    const [, key, value = ''] = /^\d+ (path|linkpath)=(.*)$/s.exec(line) ?? [];
    if (key) {
      found[key === 'path' ? 'path' : 'target'] = value;
    }
  }
  return found;
}
