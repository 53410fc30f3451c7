// Eager loading in today's manner with nothing around it: the steps of jupyterlite-xeus 5.1's worker, made of
// @emscripten-forge/mambajs-core alone. Bundled by the benchmark; it speaks the envelopes that bench.js knows.
import {
  bootstrapEmpackPackedEnvironment,
  bootstrapPython,
  empackLockToMambajsLock,
  loadSharedLibs,
  waitRunDependencies,
} from '@emscripten-forge/mambajs-core';

const post = globalThis.postMessage.bind(globalThis);
globalThis.toplevel_promise = null;
globalThis.toplevel_promise_py_proxy = null;
let server = null;
let ready = null;

async function start({ base, environment, script }) {
  const folder = `${base}xeus/${environment}`;
  importScripts(`${folder}/bin/${script}`);
  const Module = await createXeusModule({ locateFile: file => (file.endsWith('.wasm') ? `${folder}/bin/${file}` : file) });
  globalThis.Module = Module;
  await waitRunDependencies(Module);
  const empackEnvMeta = await (await fetch(`${folder}/empack_env_meta.json`)).json();
  const pkgRootUrl = `${folder}/kernel_packages`;
  const lock = empackLockToMambajsLock({ empackEnvMeta, pkgRootUrl });
  const { pythonVersion, sharedLibs } = await bootstrapEmpackPackedEnvironment({ empackEnvMeta, lock, pkgRootUrl, Module });
  await bootstrapPython({ prefix: empackEnvMeta.prefix, pythonVersion, Module });
  await loadSharedLibs({ sharedLibs, prefix: '/', Module });
  const kernel = new Module.xkernel();
  server = kernel.get_server();
  kernel.start();
}

globalThis.postMessage = message => post({ type: 'message', message });
addEventListener('message', ({ data }) => {
  if (data.type === 'start') {
    ready = start(data).catch(error => post({ type: 'error', error: { name: 'start', message: String(error?.stack ?? error) } }));
  } else if (data.type === 'message') {
    void ready.then(() => server.notify_listener(data.message));
  }
});
