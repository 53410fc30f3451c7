import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runInThisContext } from 'node:vm';
import { toBase64 } from '../base64';
import { BootError, describe } from '../errors';
import type { Transport } from './transport';

/** Files below a folder. */
export class NodeTransport implements Transport {
  constructor(private readonly folder: string) {}

  async read(path: string, onProgress?: (loaded: number) => void): Promise<Uint8Array> {
    try {
      const data = await readFile(join(this.folder, path));
      onProgress?.(data.length);
      return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    } catch (cause) {
      throw unreadable(path, cause);
    }
  }

  readSync(path: string): Uint8Array {
    try {
      const data = readFileSync(join(this.folder, path));
      return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    } catch (cause) {
      throw unreadable(path, cause);
    }
  }

  evaluate(code: Uint8Array, path: string): void {
    try {
      runInThisContext(new TextDecoder().decode(code), { filename: path });
    } catch (cause) {
      throw notScript(path, cause);
    }
  }

  async importModule(code: Uint8Array, path: string): Promise<Readonly<Record<string, unknown>>> {
    try {
      // Node imports no blobs.
      return (await import(`data:text/javascript;base64,${toBase64(code)}`)) as Record<string, unknown>;
    } catch (cause) {
      throw notScript(path, cause);
    }
  }
}

function notScript(path: string, cause: unknown): BootError {
  return new BootError('Undecodable', `"${path}" is not a script that Node can run: ${describe(cause)}`, {
    file: path,
    hint: 'the package holds another file under that name: see the kernel package',
    cause,
  });
}

function unreadable(path: string, cause: unknown): BootError {
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new BootError('FileMissing', `"${path}" is not in the pack`, {
      file: path,
      hint: 'the pack is incomplete: make it again',
      cause,
    });
  }
  return new BootError('NetworkFailed', `"${path}" cannot be read: ${describe(cause)}`, { file: path, cause });
}
