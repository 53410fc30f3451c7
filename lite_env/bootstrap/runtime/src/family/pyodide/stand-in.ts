/**
 * What Pyodide's loader finds where it looks for its files. It fetches them itself, and by address only, while they are
 * here already, checked and compiled: requests for them are answered here, and its module is instantiated from what was
 * compiled. Whatever else is fetched meanwhile goes its way.
 */

/** A host that cannot be: what slips through fails at once. */
export const HERE = 'https://pyodide.invalid/';

/** An archive of nothing: the standard library lies in the tree. */
const EMPTY_ZIP = Uint8Array.from([0x50, 0x4b, 0x05, 0x06, ...Array<number>(18).fill(0)]);

/**
 * Answer the loader from now on; `failed` is told when the module cannot be instantiated, of which the loader says
 * nothing. What comes back ends it.
 */
export function standIn(module: Promise<WebAssembly.Module>, failed: (cause: unknown) => void): () => void {
  const { fetch } = globalThis;
  const { instantiateStreaming } = WebAssembly;
  globalThis.fetch = (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    return url.startsWith(HERE) ? Promise.resolve(answer(url)) : fetch(input, init);
  };
  WebAssembly.instantiateStreaming = async (_source, imports) => {
    const compiled = await module;
    try {
      return { module: compiled, instance: await WebAssembly.instantiate(compiled, imports) };
    } catch (cause) {
      failed(cause);
      throw cause;
    }
  };
  return () => {
    globalThis.fetch = fetch;
    WebAssembly.instantiateStreaming = instantiateStreaming;
  };
}

function answer(url: string): Response {
  if (url.endsWith('.zip')) {
    return new Response(EMPTY_ZIP);
  }
  return url.endsWith('.json') ? Response.json({}) : new Response();
}
