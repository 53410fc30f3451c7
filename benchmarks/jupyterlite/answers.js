// A prebuilt extension of JupyterLite whose kernel has nothing behind it: what a start costs besides a kernel.
'use strict';
(() => {
  const NAME = '@lite-env-benchmark/answers';
  let shared = null;

  const isOlder = (one, other) => {
    const [a, b] = [one, other].map(version => version.split(/[.-]/).map(Number));
    const at = a.findIndex((number, index) => number !== b[index]);
    return at >= 0 && a[at] < b[at];
  };
  // The version that the application itself uses: the newest, unless an older one is loaded.
  const load = async name => {
    const versions = shared[name];
    const newest = (one, other) => (!versions[one].loaded && isOlder(one, other) ? other : one);
    return (await versions[Object.keys(versions).reduce(newest)].get())();
  };

  const info = {
    status: 'ok',
    protocol_version: '5.3',
    implementation: 'answers',
    implementation_version: '1',
    language_info: { name: 'python', version: '3', mimetype: 'text/x-python', file_extension: '.py' },
    banner: '',
    help_links: [],
  };

  class AnsweringKernel {
    constructor({ id, name, location, sendMessage }, disposed) {
      Object.assign(this, { id, name, location, disposed, isDisposed: false, ready: Promise.resolve() });
      this.send = sendMessage;
      this.count = 0;
    }

    dispose() {
      if (!this.isDisposed) {
        this.isDisposed = true;
        this.disposed.emit(undefined);
      }
    }

    async handleMessage(message) {
      const { header, content } = message;
      const say = (channel, type, told) =>
        this.send({
          header: { ...header, msg_id: crypto.randomUUID(), msg_type: type, date: new Date().toISOString() },
          parent_header: header,
          metadata: {},
          content: told,
          channel,
          buffers: [],
        });
      if (!header.msg_type.endsWith('_request')) {
        return;
      }
      say('iopub', 'status', { execution_state: 'busy' });
      let reply = header.msg_type === 'kernel_info_request' ? info : { status: 'ok', comms: {} };
      if (header.msg_type === 'execute_request') {
        const execution_count = (this.count += 1);
        if (content.code.includes('numpy')) {
          say('iopub', 'stream', { name: 'stdout', text: '45\n' });
        } else {
          say('iopub', 'execute_result', { execution_count, data: { 'text/plain': '2' }, metadata: {} });
        }
        reply = { status: 'ok', execution_count, user_expressions: {}, payload: [] };
      }
      say('shell', header.msg_type.replace('_request', '_reply'), reply);
      say('iopub', 'status', { execution_state: 'idle' });
    }
  }

  const plugin = async () => {
    const { IKernelSpecs } = await load('@jupyterlite/services');
    const { Signal } = await load('@lumino/signaling');
    const spec = { name: 'xpython', display_name: 'Answers', language: 'python', argv: [], resources: {} };
    const create = async options => new AnsweringKernel(options, new Signal({}));
    return {
      id: `${NAME}:kernel`,
      autoStart: true,
      requires: [IKernelSpecs],
      activate: (_app, specs) => specs.register({ spec, create }),
    };
  };

  (globalThis._JUPYTERLAB ??= {})[NAME] = {
    init(scope) {
      shared ??= scope;
    },
    async get() {
      const plugins = [await plugin()];
      return () => ({ __esModule: true, default: plugins });
    },
  };
})();
