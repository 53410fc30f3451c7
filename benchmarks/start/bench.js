// The page that starts the kernel of a variant and measures: what every front end has to do, and nothing else.
// It gives `bench.ready`, the milliseconds from the opening of the page to kernel_info_reply, and `bench.execute(code)`.
'use strict';
{
  const config = JSON.parse(document.getElementById('config').textContent);
  const base = new URL('.', location.href).href;
  const worker = new Worker(new URL(config.worker, base));
  const pending = new Map();
  let failStart = () => {};

  const fail = reason => {
    failStart(reason);
    for (const request of pending.values()) {
      request.reject(reason);
    }
    pending.clear();
  };
  worker.addEventListener('error', event => fail(new Error(`worker: ${event.message}`)));

  const takeMessage = message => {
    const request = pending.get(message.parent_header?.msg_id);
    if (!request) {
      return;
    }
    const type = message.header.msg_type;
    if (type === 'stream') {
      request.text.push(message.content.text);
    } else if (type === 'execute_result' || type === 'display_data') {
      request.text.push(message.content.data['text/plain']);
    } else if (type === 'error') {
      request.text.push(`${message.content.ename}: ${message.content.evalue}`);
    } else if (type === 'status') {
      request.idle ||= message.content.execution_state === 'idle';
    } else if (type.endsWith('_reply')) {
      request.reply = message.content;
    }
    if (request.reply && (request.idle || request.replyIsEnough)) {
      pending.delete(message.parent_header.msg_id);
      request.resolve(request.text.join(''));
    }
  };

  // The comlink protocol: what jupyterlite-xeus-python and jupyterlite-xeus speak with their workers.
  const call = (method, value) =>
    new Promise((resolve, reject) => {
      const id = crypto.randomUUID();
      const listen = ({ data }) => {
        if (data?.id !== id) {
          return;
        }
        worker.removeEventListener('message', listen);
        const thrown = data.type === 'HANDLER' && data.name === 'throw';
        return thrown ? reject(new Error(`${method}: ${data.value.value?.message ?? data.value.value}`)) : resolve(data.value);
      };
      worker.addEventListener('message', listen);
      const argumentList = value === undefined ? [] : [{ type: 'RAW', value }];
      worker.postMessage({ id, type: 'APPLY', path: [method], argumentList });
    });
  const takeRaw = ({ data }) => {
    if (data?.header) {
      takeMessage(data);
    } else if (data?._stream?.name === 'stderr') {
      fail(new Error(data._stream.evalue));
    }
  };

  // The envelopes of lite_env's worker; the mambajs-core worker of this benchmark speaks them too.
  const takeEnvelope = ({ data }) => {
    if (data.type === 'message') {
      takeMessage(data.message);
    } else if (data.type === 'error') {
      fail(new Error(`${data.error.name}: ${data.error.message}`));
    }
  };

  const speakers = {
    // The worker starts the kernel as soon as it is loaded, and keeps messages until it is ready.
    'comlink-2023': () => {
      worker.addEventListener('message', takeRaw);
      return { send: msg => call('processMessage', { msg, parent: msg }), started: Promise.resolve() };
    },
    comlink: () => {
      worker.addEventListener('message', takeRaw);
      const { kernelSpec } = config;
      const options = {
        baseUrl: base,
        kernelId: 'bench',
        mountDrive: false,
        kernelSpec,
        browsingContextId: '',
        empackEnvMetaLink: `${base}xeus/${kernelSpec.envName}`,
      };
      return { send: msg => call('processMessage', { msg, parent: msg }), started: call('initialize', options) };
    },
    envelopes: () => {
      worker.addEventListener('message', takeEnvelope);
      const start = { ...config.start };
      for (const key of ['manifest', 'base']) {
        if (key in start) {
          start[key] = new URL(start[key], base).href;
        }
      }
      worker.postMessage({ type: 'start', ...start });
      return { send: message => worker.postMessage({ type: 'message', message }), started: Promise.resolve() };
    },
  };
  const { send, started } = speakers[config.speaker]();

  const ask = (type, content, replyIsEnough) =>
    new Promise((resolve, reject) => {
      const header = {
        msg_id: crypto.randomUUID(),
        msg_type: type,
        session: 'bench',
        username: '',
        version: '5.3',
        date: new Date().toISOString(),
      };
      pending.set(header.msg_id, { resolve, reject, text: [], reply: null, idle: false, replyIsEnough });
      const message = { header, parent_header: {}, metadata: {}, content, channel: 'shell', buffers: [] };
      Promise.resolve(send(message)).catch(reject);
    });

  const start = async () => {
    await started;
    await ask('kernel_info_request', {}, true);
    return performance.now();
  };

  globalThis.bench = {
    ready: Promise.race([start(), new Promise((_, reject) => (failStart = reject))]),
    async execute(code) {
      const begin = performance.now();
      const content = { code, silent: false, store_history: true, user_expressions: {}, allow_stdin: false, stop_on_error: false };
      const text = await ask('execute_request', content, false);
      return { milliseconds: performance.now() - begin, text };
    },
  };
}
