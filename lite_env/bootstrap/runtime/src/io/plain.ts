import type { Compressed, Plain } from './verify';

/**
 * Where the browser keeps a module as it is before compression, beside its compressed file and named by its own hash.
 * No server has it: it is for what the browser keeps with it, the compiled code.
 */
export function plainOf({ path, digest }: Compressed): Plain {
  return { path: `${path.slice(0, path.lastIndexOf('/') + 1)}${digest}.wasm`, sha256: digest };
}
