/**
 * A script that behaves at its start as the glue of Emscripten 4.0 does, as text: it asks where it runs, refuses what
 * the real one cannot work with, reads needed libraries by itself and exports nothing of its memory. A kernel of another
 * language than Python: no interpreter, `xkernel` with or without argv, anything else a BindingError.
 * Its cells are words: `where` tells what it takes itself for.
 */
export const GLUE_4 = String.raw`
var createXeusModule = async (Module = {}) => {
  const isPage = !!globalThis.window;
  const isWorker = !!globalThis.WorkerGlobalScope;
  const isNode = !!globalThis.process?.versions?.node && globalThis.process.type != 'renderer';
  if (isNode) throw new Error('built without support for Node');
  if (!isPage && !isWorker) throw new Error('environment detection error');
  if (isWorker && !(self instanceof WorkerGlobalScope)) throw new Error('not compiled for this environment');
  if (!self.location.pathname.endsWith('/worker.js')) throw new Error('no place to look for files: ' + self.location);
  const folder = new URL('.', self.location.href).href;
  const readAsync = async url => {
    const response = await fetch(url, { credentials: 'same-origin' });
    if (!response.ok) throw new Error(response.status + ' : ' + response.url);
    return new Uint8Array(await response.arrayBuffer());
  };
  const locate = name => Module.locateFile(name, folder);
  Module.preRun?.forEach(hook => hook(Module));
  await new Promise(resolve => Module.instantiateWasm({ env: {}, wasi_snapshot_preview1: {} }, resolve));
  const library = new TextDecoder().decode(await readAsync(locate('libxeus.so')));
  class BindingError extends Error {
    name = 'BindingError';
  }
  const message = (request, msg_type, channel, content) => postMessage({
    header: { msg_id: msg_type + request.header.msg_id, msg_type, session: 'k' },
    parent_header: request.header, metadata: {}, content, channel, buffers: [],
  });
  const cells = {
    where: () => [isPage && 'page', isWorker && 'worker', library].filter(Boolean).join(' '),
  };
  Module.xkernel = class {
    constructor(...given) {
      if (given.length > 1 || (given.length === 1 && !Array.isArray(given[0]))) {
        throw new BindingError('Tried to invoke ctor of xkernel with invalid number of parameters');
      }
    }
    get_server() {
      return { notify_listener: request => {
        const text = cells[request.content.code]?.(request) ?? '';
        message(request, 'stream', 'iopub', { name: 'stdout', text });
        message(request, 'execute_reply', 'shell', { status: 'ok', execution_count: 1 });
      } };
    }
    start() {}
  };
  return Module;
};
`;
