import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boot } from '../src/boot';
import { BootError } from '../src/errors';
import { Shelf } from '../src/snapshot/shelf';
import { Snapshots } from '../src/snapshot/snapshots';
import { noNetwork } from './support/network';
import { generation2023, generation4, install, withMemory, withoutFileSystem, type FakeKernel } from './support/xeus/kernels';
import {
  EMPTY_WASM,
  failure,
  makePack,
  MemoryTransport,
  Recorder,
  sha256,
  text,
  utf8,
  zstd,
  type Json,
  type MemoryPack,
  type PackParts,
} from './support/pack';

const PYTHON = 'lib/python3.13';
const ARCHIVES = [
  { [`${PYTHON}/os.py`]: 'import abc', [`${PYTHON}/site-packages/a.so`]: 'so' },
  { 'lib/libneeded.so': 'so' },
];

function prepare(kernel: FakeKernel, parts: PackParts = {}, change: (pack: MemoryPack) => void = () => undefined) {
  const pack = makePack({
    archives: ARCHIVES,
    python: '3.13.1',
    shared: { 'libxeus.so': 'the library' },
    ...parts,
    script: parts.script ?? install(kernel),
  });
  change(pack);
  const transport = new MemoryTransport(pack);
  const recorder = new Recorder();
  const start = (options: { kernel?: string; env?: Record<string, string>; worker?: 'classic' | 'module'; scope?: object; snapshots?: Snapshots } = {}) =>
    boot({ transport, scope: {}, network: noNetwork(), emit: recorder.emit, post: () => undefined, locate: path => `located:${path}`, ...options });
  return { transport, recorder, start, pack };
}

test('generation 4.x: every entry point once, in order, with its arguments', async t => {
  const kernel = generation4();
  const log = t.mock.method(console, 'log', () => undefined);
  const { start } = prepare(kernel, { data: 'data', variables: { A: 'of the pack', B: '2' } });
  const booted = await start({ env: { A: 'of the host' } });
  assert.equal(log.mock.callCount(), 0);
  assert.deepEqual(kernel.calls, [
    ['instantiateWasm'],
    ['libxeus.so', 'the library'],
    ['xtest.data', 'data'],
    ['setenv', 'A', 'of the host'],
    ['setenv', 'B', '2'],
    ['init_phase_1', '/', [3, 13, 1], false],
    ['interpreter', 'import abc'],
    ['init_phase_2', '/', [3, 13, 1], false],
    ['xkernel', ['/bin/xtest', '-f', '{connection_file}']],
    ['get_server'],
    ['start'],
  ]);
  assert.equal(booted.kernel.name, 'xtest');
  assert.equal(booted.files, kernel.module);
  assert.equal(booted.figures().files, 1);
});

test('generation 4.x finds needed libraries by itself: none is loaded for it', async () => {
  const kernel = generation4();
  await prepare(kernel, { needed: { [`${PYTHON}/site-packages/a.so`]: ['libneeded.so'] } }).start();
  kernel.module.FS?.readFile(`/${PYTHON}/site-packages/a.so`);
  assert.ok(!kernel.calls.some(([name]) => name === 'loadDynamicLibrary'));
});

test('the glue is told where its own files lie, and runs nothing that was not checked', async () => {
  const kernel = generation4();
  const located: string[] = [];
  const { start } = prepare(
    {
      ...kernel,
      factory: options => {
        located.push(
          ...['xtest_built.wasm', 'xtest_built.data', 'other.js', 'libxeus.so'].map(
            name => options.locateFile?.(name) ?? ''
          )
        );
        return kernel.factory(options);
      },
    },
    { data: 'data' }
  );
  await start();
  assert.deepEqual(located.slice(0, 3), [
    'located:kernels/xtest/xtest.wasm.zst',
    'located:kernels/xtest/xtest.data.zst',
    'located:other.js',
  ]);
  const library = located[3] as string;
  assert.match(library, /^blob:/);
  await assert.rejects(fetch(library), 'the blob is given back when the module is there');
});

test('a library that is in no file system is never asked of the server', async () => {
  const kernel = generation4();
  let thrown: unknown;
  const { start } = prepare({
    ...kernel,
    factory: options => {
      try {
        options.locateFile?.('/lib/libother.so.1');
      } catch (error) {
        thrown = error;
      }
      return kernel.factory(options);
    },
  });
  await start();
  const message = /^the shared library "\/lib\/libother\.so\.1" cannot be read from the environment$/;
  failure('FileMissing', message, '/lib/libother.so.1')(thrown);
});

test('a library that the kernel needs and its kernelspec does not name ends the start', async () => {
  const { start } = prepare(generation4(), { shared: {} });
  await assert.rejects(start(), failure('FileMissing', /^the shared library "libxeus\.so" cannot be read/));
});

test('generation 2023: init with major and minor, no argv; its folder may be there, its noise is not shown', async t => {
  const kernel = generation2023();
  const log = t.mock.method(console, 'log', () => undefined);
  const { start } = prepare(kernel, {
    archives: [{ 'lib/python3.11/os.py': 'x', 'lib/python3.11/site-packages/a.so': 'so', 'lib/libneeded.so': 'so' }],
    needed: { 'lib/python3.11/site-packages/a.so': ['libneeded.so'] },
    python: '3.11.3',
  });
  const mkdir = kernel.module.FS?.mkdir;
  await start();
  assert.deepEqual(kernel.calls, [['init', '/', [3, 11]], ['xkernel'], ['get_server'], ['start']]);
  assert.equal(log.mock.callCount(), 0);
  assert.equal(kernel.module.FS?.mkdir, mkdir);
  kernel.module.FS?.readFile('/lib/python3.11/site-packages/a.so');
  assert.deepEqual(kernel.calls.at(-1), ['loadDynamicLibrary', '/lib/libneeded.so']);
});

test('file names are UTF-8: the locale is set before the interpreter starts, and the memory given back', async () => {
  const kernel = generation2023();
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 2 });
  const { module, calls } = kernel;
  Object.assign(module, {
    _PyMem_RawMalloc: (size: number) => {
      calls.push(['allocate', size]);
      memory.grow(1); // Views that were made before are empty now.
      new Uint8Array(memory.buffer).fill(0x55);
      return 16;
    },
    _PyMem_RawFree: (pointer: number) => calls.push(['free', pointer]),
    _setlocale: (category: number, name: number) => {
      const bytes = new Uint8Array(memory.buffer);
      calls.push(['setlocale', category, text(bytes.subarray(name, bytes.indexOf(0, name)))]);
    },
  });
  const archives = [{ 'lib/python3.11/site-packages/a.py': 'x' }];
  await prepare(withMemory(kernel, memory), { archives, python: '3.11.3' }).start();
  assert.deepEqual(calls.slice(0, 4), [
    ['allocate', 8],
    ['setlocale', 0, 'C.UTF-8'],
    ['free', 16],
    ['init', '/', [3, 11]],
  ]);

  const unreadable = generation2023();
  Object.assign(unreadable.module, { ...module, init: unreadable.module.init, FS: unreadable.module.FS });
  calls.length = 0;
  await prepare(unreadable, { archives, python: '3.11.3' }).start();
  assert.ok(!calls.some(([name]) => name === 'setlocale'), 'a name that cannot be written is not read');
});

test('programs of a kernel with pyjs are shown the network, once it is started; one that refuses starts all the same', async () => {
  const kernel = generation2023();
  const scope: Record<string, unknown> = {};
  const ran: string[] = [];
  const pyobject = { prototype: { py_call: () => undefined } };
  Object.assign(kernel.module, { pyobject, exec: (code: string) => ran.push(`${kernel.calls.at(-1)}: ${code}`) });
  const archives = [{ 'lib/python3.11/os.py': 'x' }];
  const { start } = prepare(kernel, { archives, python: '3.11.3' });
  await start({ scope });
  assert.equal(ran.filter(code => /^start: [^]*lite_env_bridge/.test(code)).length, 1);
  const shown = scope['lite_env_network'] as Record<string, (...given: unknown[]) => unknown>;
  assert.match(String(shown['source']?.('start')), /^"""/);
  const other = generation2023();
  const refuse = () => {
    throw new Error('no module named pyjs');
  };
  Object.assign(other.module, { pyobject: { prototype: {} }, exec: refuse });
  const { start: startOther, recorder } = prepare(other, { archives, python: '3.11.3' });
  await startOther();
  assert.match(recorder.of('log').map(({ text }) => text).join(), /cannot ask servers: Error: no module named pyjs/);
});

test('a kernel that takes argv gets it, also one that could do without', async () => {
  const kernel = withoutFileSystem();
  kernel.module.xkernel = generation4().module.xkernel;
  const given: unknown[][] = [];
  kernel.module.xkernel = class extends kernel.module.xkernel {
    constructor(...argv: unknown[]) {
      super(...argv);
      given.push(argv);
    }
  };
  await prepare(kernel).start();
  assert.deepEqual(given, [[['/bin/xtest', '-f', '{connection_file}']]]);
});

test('an error of the constructor that is no refusal of argv is the kernel\'s', async () => {
  const kernel = generation4();
  let made = 0;
  kernel.module.xkernel = class {
    constructor() {
      made += 1;
      throw new RangeError('no such standard');
    }
  } as never;
  await assert.rejects(prepare(kernel).start(), failure('KernelFailed', /did not start: RangeError: no such standard$/));
  assert.equal(made, 1);
});

test('a kernel without a file system and without python starts', async () => {
  const kernel = withoutFileSystem();
  const booted = await prepare(kernel, { python: null }).start();
  assert.deepEqual(kernel.calls, [['xkernel'], ['get_server'], ['start']]);
  assert.equal(booted.figures().files, 0);
});

test('variables: a kernel that exports ENV has them before its first instruction', async () => {
  const kernel = withoutFileSystem();
  kernel.module.ENV = { HOME: '/home' };
  await prepare(kernel, { variables: { A: 'b' } }).start();
  assert.deepEqual(kernel.module.ENV, { HOME: '/home', A: 'b' });
});

test('variables: a kernel that takes none refuses them by name, and starts without', async () => {
  const message = /^this kernel cannot be given environment variables: A is set$/;
  await assert.rejects(
    prepare(withoutFileSystem(), { variables: { A: 'b' } }).start(),
    failure('AbiMismatch', message, 'manifest.json')
  );
  await prepare(withoutFileSystem()).start();
});

test('manifest first, then everything that a start needs at once, each once; nothing on demand', async () => {
  const { transport, start, pack } = prepare(generation4(), { load: 'interpreter' });
  await start();
  const [first, ...rest] = transport.asked;
  assert.equal(first, 'manifest.json');
  assert.deepEqual(rest.sort(), [...pack.files.keys()].sort());
  assert.deepEqual(transport.askedSync, []);

  const lazy = prepare(generation4());
  await lazy.start();
  assert.deepEqual(
    lazy.transport.asked.filter(path => path.startsWith('archives/')),
    []
  );
  assert.deepEqual(lazy.transport.askedSync, [`archives/${lazy.pack.manifest['archives'][0].digest}.tar.zst`]);
});

test('what the kernel opens is asked for when the module is there, and comes while the interpreter starts', async () => {
  const kernel = generation4();
  const archives = [ARCHIVES[0] as Record<string, string>, { 'lib/python3.13/ipython.py': 'import os' }];
  const { transport, recorder, start, pack } = prepare(kernel, { archives, load: ['interpreter', 'kernel'] });
  const path = `archives/${pack.manifest['archives'][1].digest}.tar.zst`;
  const [module, archive] = [defer(), defer()];
  transport.held.set('kernels/xtest/xtest.wasm.zst', module.promise);
  transport.held.set(path, archive.promise);
  const booting = start();
  const until = async (condition: () => boolean) => {
    for (let turn = 0; turn < 500 && !condition(); turn += 1) {
      await new Promise(resolve => setTimeout(resolve, 1));
    }
    assert.ok(condition());
  };
  const announced = () => recorder.of('progress').find(({ file }) => file === path);
  await until(() => announced() !== undefined);
  assert.equal(announced()?.total, pack.manifest['archives'][1].size);
  assert.ok(!transport.asked.includes(path));
  module.resolve();
  await until(() => kernel.calls.some(([name]) => name === 'init_phase_2'));
  assert.ok(transport.asked.includes(path));
  assert.ok(!kernel.calls.some(([name]) => name === 'xkernel'));
  archive.resolve();
  await booting;
  assert.ok(kernel.calls.some(([name]) => name === 'xkernel'));
  assert.deepEqual(transport.askedSync, []);
});

test('a start asks for what its own kernel opens, and not for what another kernel does', async () => {
  const others = ['others', 'kernel', 'other kernel'].map(name => ({ [`lib/python3.13/${name}`]: name }));
  const archives = [ARCHIVES[0] as Record<string, string>, ...others];
  const { transport, start, pack } = prepare(generation4(), {
    archives,
    load: ['interpreter', 'interpreter', 'kernel', 'kernel'],
    start: { interpreter: [0], kernel: [2] },
  });
  await start();
  const asked = pack.manifest['archives'].map((archive: { digest: string }) =>
    transport.asked.includes(`archives/${archive.digest}.tar.zst`)
  );
  assert.deepEqual(asked, [true, false, true, false]);
});

test('a missing archive of the kernel ends the start by its name', async () => {
  const archives = [ARCHIVES[0] as Record<string, string>, { 'lib/python3.13/ipython.py': 'import os' }];
  const { transport, start, pack } = prepare(generation4(), { archives, load: ['interpreter', 'kernel'] });
  const path = `archives/${pack.manifest['archives'][1].digest}.tar.zst`;
  transport.broken.set(path, new BootError('FileMissing', 'not there', { file: path }));
  await assert.rejects(start(), failure('FileMissing', /not there/, path));
});

test('progress tells every phase, and ends at the totals', async () => {
  const { recorder, start } = prepare(generation4());
  await start();
  const phases = new Set(recorder.of('progress').map(({ phase }) => phase));
  assert.deepEqual([...phases].sort(), ['archive', 'index', 'interpreter', 'kernel', 'manifest']);
  for (const { file, total } of recorder.of('progress').filter(({ phase }) => phase === 'kernel')) {
    assert.ok(recorder.of('progress').some(progress => progress.file === file && progress.loaded === total));
  }
});

function defer() {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>(settle => (resolve = settle));
  return { promise, resolve: () => resolve() };
}

const find = (part: string) => (pack: MemoryPack) => [...pack.files.keys()].find(path => path.includes(part)) as string;

for (const part of ['manifest', 'index-', '.js', '.wasm', '.data', 'libxeus.so', 'archives/']) {
  test(`a start without ${part} fails at once, however long the rest takes`, async () => {
    const { transport, start, pack } = prepare(generation4(), {
      load: 'interpreter',
      data: 'data',
      archives: [ARCHIVES[0] as Record<string, string>],
    });
    const path = part === 'manifest' ? 'manifest.json' : find(part)(pack);
    transport.broken.set(path, new BootError('FileMissing', 'not there', { file: path }));
    [...pack.files.keys()].filter(other => other !== path).forEach(other => transport.late.add(other));
    await assert.rejects(start(), failure('FileMissing', /not there/, path));
  });
}

for (const part of ['index-', '.js', '.wasm', '.data', 'libxeus.so', 'archives/']) {
  test(`a changed byte in ${part} ends the start`, async () => {
    let path = '';
    const { start } = prepare(generation4(), { load: 'interpreter', data: 'data' }, pack => {
      path = find(part)(pack);
      const data = (pack.files.get(path) as Uint8Array).slice();
      data[data.length >> 1] = (data[data.length >> 1] as number) ^ 1;
      pack.files.set(path, data);
    });
    await assert.rejects(start(), (error: any) => failure('HashMismatch', /wrong content/, path)(error));
  });
}

test('a module that is none, and one the engine refuses', async () => {
  const refused = new Uint8Array([...EMPTY_WASM.subarray(0, 4), 9, 9, 9, 9]);
  await assert.rejects(
    prepare(generation4(), { wasm: utf8('not wasm at all') }).start(),
    failure('NotWasm', /^"kernels\/xtest\/xtest\.wasm\.zst" is not WebAssembly$/)
  );
  await assert.rejects(
    prepare(generation4(), { wasm: new Uint8Array(0) }).start(),
    failure('NotWasm', /is not WebAssembly/)
  );
  await assert.rejects(
    prepare(generation4(), { wasm: refused }).start(),
    failure('CompileFailed', /cannot be compiled here: CompileError/, 'kernels/xtest/xtest.wasm.zst')
  );
});

test('a module that wants what its script does not bring', async () => {
  // (import "a" "b" (func)) of type () -> ()
  const importing = new Uint8Array([...EMPTY_WASM, 1, 4, 1, 0x60, 0, 0, 2, 7, 1, 1, 0x61, 1, 0x62, 0, 0]);
  await assert.rejects(
    prepare(generation4(), { wasm: importing }).start(),
    failure('AbiMismatch', /does not fit its script: TypeError/, 'kernels/xtest/xtest.wasm.zst')
  );
});

test('a script that misses exports of its module', async () => {
  const kernel = generation4();
  const factory: FakeKernel['factory'] = options =>
    new Promise(() => {
      options.instantiateWasm?.({ env: {} }, instance => (instance.exports['__wasm_call_ctors'] as () => void)());
    });
  await assert.rejects(
    prepare({ ...kernel, factory }).start(),
    failure('AbiMismatch', /does not fit its script: TypeError/)
  );
});

test('a script that is of no xeus kernel', async () => {
  delete (globalThis as Record<string, unknown>)['createXeusModule'];
  await assert.rejects(
    prepare(generation4(), { script: '1' }).start(),
    failure('AbiMismatch', /^"kernels\/xtest\/xtest\.js\.zst" does not define createXeusModule$/)
  );
});

test('a module that aborts, or whose factory throws, says so', async () => {
  const aborting = {
    ...generation4(),
    factory: (options: any) => new Promise<never>(() => options.onAbort('no memory segment')),
  };
  await assert.rejects(
    prepare(aborting).start(),
    failure('KernelFailed', /^the kernel "xtest" aborted while it started: no memory segment$/)
  );
  const short = { ...generation4(), factory: (options: any) => new Promise<never>(() => options.onAbort('OOM')) };
  await assert.rejects(
    prepare(short).start(),
    failure('OutOfMemory', /^the kernel "xtest" aborted while it started: OOM$/)
  );
  const throwing = { ...generation4(), factory: async () => Promise.reject(new Error('unreachable')) };
  await assert.rejects(
    prepare(throwing).start(),
    failure('KernelFailed', /aborted while it started: Error: unreachable/)
  );
});

test('an interpreter without python in the environment', async () => {
  await assert.rejects(
    prepare(generation4(), { python: null }).start(),
    failure('AbiMismatch', /starts a Python interpreter, but the environment has no python/)
  );
});

test('an interpreter that does not start tells what Python said', async () => {
  const kernel = generation4();
  kernel.module.init_phase_2 = async () => {
    throw { has_err: true, message: "ModuleNotFoundError: No module named 'pyjs'" };
  };
  const message = /^Python 3\.13\.1 did not start: ModuleNotFoundError: No module named 'pyjs'$/;
  await assert.rejects(prepare(kernel).start(), failure('InterpreterFailed', message));
});

test('a kernel that does not start tells its C++ exception', async () => {
  const kernel = generation4();
  kernel.module.get_exception_message = pointer => `std::runtime_error at ${pointer}`;
  kernel.module.xkernel = class {
    constructor() {
      throw 4711;
    }
  } as never;
  await assert.rejects(
    prepare(kernel).start(),
    failure('KernelFailed', /^the kernel "xtest" did not start: std::runtime_error at 4711$/, 'kernels/xtest/xtest.js.zst')
  );
});

test('a kernel the pack does not have', async () => {
  await assert.rejects(
    prepare(generation4()).start({ kernel: 'nope' }),
    failure('KernelUnknown', /^the pack has no kernel "nope"$/)
  );
});

test('an interpreter that could not read its files fails for the reason of the read', async () => {
  const { transport, start, pack } = prepare(generation4());
  const path = `archives/${(pack.manifest as Json)['archives'][0].digest}.tar.zst`;
  transport.broken.set(path, new BootError('FileMissing', 'not there', { file: path, hint: 'deploy' }));
  await assert.rejects(start(), (error: any) => {
    assert.deepEqual(
      { ...error.failure, message: '' },
      { name: 'FileMissing', message: '', file: path, hint: 'deploy' }
    );
    assert.equal(
      error.message,
      'not there; so InterpreterFailed: Python 3.13.1 did not start: ErrnoError: FS error 29'
    );
    return true;
  });
});

test('what the module prints by itself goes to the log', async () => {
  const kernel = generation4();
  const { start, recorder } = prepare({
    ...kernel,
    factory: options => {
      options.print?.('out');
      options.printErr?.('err');
      return kernel.factory(options);
    },
  });
  await start();
  assert.deepEqual(
    recorder.of('log').map(({ level, text }) => [level, text]),
    [
      ['info', 'out'],
      ['warn', 'err'],
    ]
  );
});

test('a read that is lost after the start is EIO, told and not fatal', async () => {
  const kernel = generation4();
  const { transport, recorder, start, pack } = prepare(kernel);
  await start();
  const path = `archives/${(pack.manifest as Json)['archives'][1].digest}.tar.zst`;
  transport.broken.set(path, new BootError('NetworkFailed', 'gone', { file: path }));
  assert.throws(
    () => kernel.module.FS?.readFile('/lib/libneeded.so'),
    (error: any) => error.errno === 29
  );
  assert.deepEqual(recorder.of('error'), [
    { type: 'error', error: { name: 'NetworkFailed', message: 'gone', file: path, hint: null }, fatal: false },
  ]);
  transport.broken.clear();
  assert.equal(text(kernel.module.FS?.readFile('/lib/libneeded.so') as Uint8Array), 'so');
});

test('a worker of another kind than the kernel needs is refused, with what to say', async () => {
  const { start, pack } = prepare(withoutFileSystem(), { python: null });
  await start({ worker: 'classic' });
  const message = /^the kernel "xtest" needs a classic worker, this one is module$/;
  await assert.rejects(start({ worker: 'module' }), failure('WorkerMismatch', message, 'manifest.json'));
  (pack.manifest as Json)['kernels'][0].runtime.worker = 'module';
  await assert.rejects(start({ worker: 'classic' }), failure('WorkerMismatch', /needs a module worker, this one is classic$/));
});

test('a script that is a module is imported, and its default is the factory', async () => {
  const kernel = withoutFileSystem();
  install(kernel);
  const { start, pack, transport } = prepare(kernel, { script: 'export default globalThis.testFactory;', python: null });
  (pack.manifest as Json)['kernels'][0].runtime.worker = 'module';
  await start({ worker: 'module' });
  assert.deepEqual(transport.evaluated, ['kernels/xtest/xtest.js.zst']);
  assert.deepEqual(kernel.calls, [['xkernel'], ['get_server'], ['start']]);
});

for (const [mountpoint, expected] of [[undefined, '/data'], ['/own', '/own']] as const) {
  test(`a drive is where ${mountpoint ? 'its page' : 'the manifest'} says`, async t => {
    const { recorder, transport } = prepare(generation4(), {}, pack => (pack.manifest['mounts'].drive = '/data'));
    const asked: string[] = [];
    class Refusing {
      readonly status = 200;
      readonly responseText = '{"ok":false}';
      timeout = 0;
      open(): void {}
      setRequestHeader(): void {}
      getResponseHeader = () => null;
      send(body: string): void {
        asked.push(JSON.parse(body).data.path);
      }
    }
    Object.assign(globalThis, { XMLHttpRequest: Refusing });
    t.after(() => Reflect.deleteProperty(globalThis, 'XMLHttpRequest'));
    const source = { kind: 'xhr', driveName: '', mountpoint, url: '/api/drive', headers: {}, browsingContextId: 'x' } as const;
    const { emit } = recorder;
    const start = boot({ transport, scope: {}, network: noNetwork(), emit, post: () => undefined, locate: path => path, drive: Promise.resolve(source) });
    await assert.rejects(start, new RegExp(`${expected} refused: the drive has no folder`));
    assert.deepEqual(asked, ['']);
  });
}

for (const [what, expected] of [
  ['none', []],
  ['imports', [2]],
  ['all', [2, 1]],
] as const) {
  test(`loaded ahead: ${what}`, async () => {
    // The interpreter opens the first one, nobody the others.
    const archives = [...ARCHIVES.slice(0, 1), { 'lib/other': 'x' }, { 'lib/imported': 'y' }];
    const { start, transport, pack } = prepare(generation4(), { archives, load: ['interpreter', 'demand', 'import'] });
    Object.assign(pack.manifest, { imports: { numpy: [2] } });
    pack.files.set('manifest.json', utf8(JSON.stringify(pack.manifest)));
    const booted = await start();
    const begun = transport.asked.length;
    let rests = 0;
    await booted.prefetch(what, async () => void (rests += 1));
    const paths = (pack.manifest['archives'] as { digest: string }[]).map(({ digest }) => `archives/${digest}.tar.zst`);
    assert.deepEqual(transport.asked.slice(begun), expected.map(position => paths[position]));
    assert.ok(rests >= expected.length);
    await booted.prefetch(what, () => Promise.reject(new Error('the kernel is gone')));
  });
}

test('archives that a restore reads come beside the snapshot of the pack, and those of a start do not', async () => {
  const path = 'kernels/xtest/snapshot-1.zst';
  const raw = utf8('this is none');
  const data = zstd(raw);
  const file = { path, digest: sha256(raw), raw_size: raw.length, size: data.length, sha256: sha256(data), archives: [1] };
  const { transport, start, pack } = prepare(generation4(), { load: ['kernel', 'demand'] }, ({ manifest, files }) => {
    manifest['kernels'][0].snapshot = file;
    files.set(path, data);
  });
  let release = () => undefined as void;
  transport.held.set(path, new Promise(resolve => (release = resolve)));
  const shelf = new Shelf(() => Promise.reject(new Error('none')), { place: 1, all: 1 }, { own: '', isAlive: async () => true });
  const started = start({ snapshots: new Snapshots(shelf, () => undefined, false) });
  await new Promise(resolve => setTimeout(resolve, 50));
  const asked = (position: number) => transport.asked.includes(`archives/${pack.manifest['archives'][position].digest}.tar.zst`);
  assert.deepEqual([asked(0), asked(1)], [false, true]);
  release();
  // It is none: the start is a plain one.
  await started;
  assert.equal(asked(0), true);
});
