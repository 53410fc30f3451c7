// Pyodide's own way to a kernel, as JupyterLite's pyodide kernel goes it (its worker.ts), without what is around it there:
// no drive, no piplite, its packages in one call. It speaks the envelopes that bench.js knows.
'use strict';
let pyodide = null;
let kernel = null;
let ready = null;

async function start({ base, packages, early }) {
  const indexURL = new URL(base, location.href).href;
  importScripts(`${indexURL}pyodide.js`);
  pyodide = await loadPyodide(early ? { indexURL, packages } : { indexURL });
  if (!packages.length) {
    return;
  }
  if (!early) {
    await pyodide.loadPackage(packages);
  }
  await pyodide.runPythonAsync('import pyodide_kernel');
  const module = pyodide.globals.get('pyodide_kernel');
  kernel = module.kernel_instance.copy();
  listen(module);
}

const asObject = value =>
  value instanceof Map
    ? Object.fromEntries([...value].map(([key, held]) => [key, asObject(held)]))
    : Array.isArray(value)
      ? value.map(asObject)
      : value;
const plain = value => (value instanceof pyodide.ffi.PyProxy ? asObject(value.toJs()) : value);

let parent = {};
function tell(type, content) {
  const header = { msg_id: crypto.randomUUID(), msg_type: type };
  postMessage({ type: 'message', message: { header, parent_header: parent, metadata: {}, content } });
}

function listen({ stdout_stream, stderr_stream }) {
  const { interpreter } = kernel;
  const stream = (name, text) => tell('stream', { name: plain(name), text: plain(text) });
  const display = type => (data, metadata) => tell(type, { data: plain(data), metadata: plain(metadata) });
  stdout_stream.publish_stream_callback = stream;
  stderr_stream.publish_stream_callback = stream;
  interpreter.display_pub.display_data_callback = display('display_data');
  interpreter.display_pub.update_display_data_callback = display('update_display_data');
  interpreter.displayhook.publish_execution_result = (execution_count, data, metadata) =>
    tell('execute_result', { execution_count, data: plain(data), metadata: plain(metadata) });
}

// `run` loads the packages that a cell imports by itself: `loadPackagesFromImports`.
async function execute({ code }) {
  if (!kernel) {
    tell('execute_result', { data: { 'text/plain': String(pyodide.runPython(code)) }, metadata: {} });
    return { status: 'ok' };
  }
  kernel._parent_header = pyodide.toPy(parent);
  const result = plain(await kernel.run(code));
  if (result.status === 'error') {
    tell('error', result);
  }
  return result;
}

async function answer({ header, content }) {
  await ready;
  parent = header;
  tell('status', { execution_state: 'busy' });
  const reply = header.msg_type === 'execute_request' ? await execute(content) : { status: 'ok' };
  tell(header.msg_type.replace('_request', '_reply'), reply);
  tell('status', { execution_state: 'idle' });
}

const fail = error => postMessage({ type: 'error', error: { name: 'worker', message: String(error?.stack ?? error) } });
addEventListener('message', ({ data }) => {
  if (data.type === 'start') {
    ready = start(data);
    ready.catch(fail);
  } else if (data.type === 'message') {
    answer(data.message).catch(fail);
  }
});
