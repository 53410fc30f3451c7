/**
 * A kernel that behaves as those of Emscripten 4.0 do, as text and bytes, and no kinder than they are: it asks where it
 * runs, refuses what the real one cannot work with, reads needed libraries by itself, asks for its files by other names
 * than the pack has, shows nothing of its memory and takes answers to its questions from the call alone.
 */

const utf8 = (text: string) => [...new TextEncoder().encode(text)];
const name = (text: string) => [utf8(text).length, ...utf8(text)];
const many = (...items: number[][]) => [items.length, ...items.flat()];
const section = (id: number, body: number[]) => [id, body.length, ...body];
const I32 = 0x7f;
const END = 0x0b;

/** Where the module's data begin, its flag for interrupts in them, and where its functions leave their marks. */
const PLACES = { base: 1024, flag: 12, interrupted: 200, locale: 204, allocated: 256 } as const;

const constant = (value: number) => [0x41, (value & 0x7f) | 0x80, value >> 7];
const store = (address: number, value: number[]) => [...constant(address), ...value, 0x36, 2, 0];
const body = (...code: number[]) => [code.length + 2, 0, ...code, END];

/** Imports memory and its base; exports what CPython's C interface is to us, and a variable by its place in the data. */
export const MODULE_4 = new Uint8Array([
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...section(1, many([0x60, 0, 0], [0x60, 1, I32, 1, I32], [0x60, 1, I32, 0], [0x60, 2, I32, I32, 1, I32])),
  ...section(2, many([...name('env'), ...name('memory'), 2, 0, 1], [...name('env'), ...name('__memory_base'), 3, I32, 0])),
  ...section(3, [4, 0, 1, 2, 3]),
  ...section(6, many([I32, 0, ...constant(PLACES.flag), END])),
  ...section(
    7,
    many(
      [...name('PyErr_SetInterrupt'), 0, 0],
      [...name('PyMem_RawMalloc'), 0, 1],
      [...name('PyMem_RawFree'), 0, 2],
      [...name('setlocale'), 0, 3],
      [...name('Py_EMSCRIPTEN_SIGNAL_HANDLING'), 3, 1]
    )
  ),
  ...section(
    10,
    many(
      body(...store(PLACES.interrupted, constant(1))),
      body(...constant(PLACES.allocated)),
      body(),
      body(...store(PLACES.locale, [0x20, 1]), ...constant(0))
    )
  ),
]);

/** Its cells are words: `where` tells what it takes itself for, `argv` what it was made with, and so on. */
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
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 2 });
  const base = new WebAssembly.Global({ value: 'i32' }, ${PLACES.base});
  const table = new Proxy({ known: 0 }, { get: (_, name) => { throw new Error('undefined symbol ' + String(name)); } });
  await new Promise(resolve => Module.instantiateWasm({
    env: { memory, __memory_base: base }, wasi_snapshot_preview1: {}, 'GOT.mem': table, 'GOT.func': table,
  }, resolve));
  memory.grow(1); // What was looked at before is empty now.
  const words = () => new Int32Array(memory.buffer);
  const files = ['xkernel_release.wasm', 'xkernel_release.data'].map(locate).join(' ');
  const library = new TextDecoder().decode(await readAsync(locate('libxeus.so')));
  let argv = 'none';
  class BindingError extends Error {
    name = 'BindingError';
  }
  const message = (request, msg_type, channel, content) => ({
    header: { msg_id: msg_type + request.header.msg_id, msg_type, session: 'k' },
    parent_header: request.header, metadata: {}, content, channel, buffers: [],
  });
  const say = (request, text) => postMessage(message(request, 'stream', 'iopub', { name: 'stdout', text }));
  // CPython between two bytecodes.
  const isInterrupted = () => {
    if (words()[${PLACES.base + PLACES.flag} >> 2] !== 1 || !Module.Py_EmscriptenSignalBuffer) return false;
    const signal = Module.Py_EmscriptenSignalBuffer[0];
    Module.Py_EmscriptenSignalBuffer[0] = 0;
    return signal === 2;
  };
  const cells = {
    where: () => [isPage && 'page', isWorker && 'worker', library].filter(Boolean).join(' '),
    argv: () => JSON.stringify(argv),
    files: () => files,
    shown: () => Object.keys(Module).filter(name => /^(HEAP|_)/.test(name)).join(' ') || 'nothing',
    locale: () => {
      const bytes = new Uint8Array(memory.buffer);
      const at = words()[${PLACES.locale} >> 2];
      return at === 0 ? 'C' : new TextDecoder().decode(bytes.subarray(at, bytes.indexOf(0, at)));
    },
    input: request => {
      const question = message(request, 'input_request', undefined, { prompt: 'name? ', password: false });
      const reply = self.get_stdin({ ...question, channel: 'stdin' });
      // No promise and no value alone: the whole reply is read at once.
      if (reply.channel !== 'stdin' || reply.header.msg_type !== 'input_reply') throw new Error('no input_reply');
      const raised = words()[${PLACES.interrupted} >> 2] === 1;
      return (raised ? 'KeyboardInterrupt ' : 'hello ') + reply.content.value;
    },
    loop: request => {
      say(request, 'looping');
      for (const end = Date.now() + 10_000; Date.now() < end; ) {
        if (isInterrupted()) return 'KeyboardInterrupt';
      }
      return 'nobody came';
    },
  };
  Module.init_phase_1 = async () => undefined;
  Module.init_phase_2 = async () => undefined;
  Module.xkernel = class {
    constructor(...given) {
      if (given.length > 1 || (given.length === 1 && !Array.isArray(given[0]))) {
        throw new BindingError('Tried to invoke ctor of xkernel with invalid number of parameters');
      }
      argv = given[0] ?? 'none';
    }
    get_server() {
      return { notify_listener: request => {
        say(request, cells[request.content.code]?.(request) ?? '');
        postMessage(message(request, 'execute_reply', 'shell', { status: 'ok', execution_count: 1 }));
      } };
    }
    start() {}
  };
  return Module;
};
`;
