import { because, BootError } from '../errors';

const MAGIC = [0x00, 0x61, 0x73, 0x6d];

/** Compile bytes that were checked; the errors say whose fault it is when they are no module, or none for this browser. */
export async function compile(bytes: Uint8Array, path: string): Promise<WebAssembly.Module> {
  if (MAGIC.some((byte, position) => bytes[position] !== byte)) {
    throw new BootError('NotWasm', `"${path}" is not WebAssembly`, {
      file: path,
      hint: 'the package holds another file under that name: see the kernel package',
    });
  }
  try {
    return await WebAssembly.compile(bytes as Uint8Array<ArrayBuffer>);
  } catch (cause) {
    throw because(cause, 'CompileFailed', `"${path}" cannot be compiled here`, {
      file: path,
      hint: 'the browser may be too old for what the kernel was built with',
    });
  }
}

/**
 * Compile what our service worker answers at `url` from the cache: V8 keeps compiled code with a response of the Cache
 * API that came by a service worker, and with nothing else. `only-if-cached`, so that where no service worker answers,
 * or another one passes on what it is asked, no server is: the promise rejects at once.
 */
export function compileAnswer(url: string): Promise<WebAssembly.Module> {
  const answer = fetch(url, { mode: 'same-origin', cache: 'only-if-cached' });
  return WebAssembly.compileStreaming(answer);
}
