import assert from 'node:assert/strict';
import { test } from 'node:test';
import { because, BootError, describe, failureOf } from '../src/errors';
import { explain } from '../src/family/xeus/explain';

test('an error on purpose keeps its name, file and hint', () => {
  const cause = new Error('inner');
  const error = new BootError('HashMismatch', 'wrong content', { file: 'a', hint: 'deploy', cause });
  assert.deepEqual(failureOf(error, 'anything'), {
    name: 'HashMismatch',
    message: 'wrong content',
    file: 'a',
    hint: 'deploy',
  });
  assert.equal(error.cause, cause);
  assert.deepEqual(new BootError('OutOfMemory', 'm').failure, {
    name: 'OutOfMemory',
    message: 'm',
    file: null,
    hint: null,
  });
});

for (const error of [
  new RangeError('Array buffer allocation failed'),
  new WebAssembly.RuntimeError('Aborted(Cannot enlarge memory arrays ... OOM)'),
  new RangeError('WebAssembly.Memory(): could not allocate memory'),
  new Error('Worker terminated due to reaching memory limit: JS heap out of memory'),
  'out of memory',
]) {
  test(`"${describe(error)}" is a lack of memory`, () => {
    const failure = failureOf(error, 'starting the kernel');
    assert.equal(failure.name, 'OutOfMemory');
    assert.equal(failure.message, `out of memory while starting the kernel: ${describe(error)}`);
    assert.equal(failure.hint, 'close other tabs, or pack a smaller environment');
  });
}

test('anything else is a failure of the kernel, with what was done', () => {
  const failure = failureOf(new TypeError('x is not a function'), 'starting the kernel');
  assert.deepEqual(failure, {
    name: 'KernelFailed',
    message: 'starting the kernel failed: TypeError: x is not a function',
    file: null,
    hint: 'start the kernel again, which begins with empty memory; what is on /drive is still there',
  });
});

test('whatever is thrown can be described', () => {
  assert.equal(describe(new Error('')), 'Error');
  assert.equal(describe('text'), 'text');
  assert.equal(describe(42), '42');
  assert.equal(describe(null), 'null');
  assert.equal(describe(undefined), 'undefined');
  assert.equal(describe({ has_err: true, message: 'ModuleNotFoundError: pyjs' }), 'ModuleNotFoundError: pyjs');
  assert.equal(describe({}), '[object Object]');
});

test('C++ exceptions are explained by the module, of either kind', () => {
  const xkernel = class {} as never;
  assert.equal(explain({ xkernel, get_exception_message: pointer => `at ${pointer}` }, 1234), 'at 1234');
  assert.equal(explain({ xkernel }, 1234), '1234');
  const { Exception, Tag } = WebAssembly as any;
  const native = new Exception(new Tag({ parameters: [] }), []);
  assert.equal(
    explain({ xkernel, getExceptionMessage: () => ['std::runtime_error', 'no interpreter'] }, native),
    'std::runtime_error: no interpreter'
  );
  assert.equal(explain({ xkernel, getExceptionMessage: () => 'one text' }, native), 'one text');
});

test('an explanation that fails itself still shows what was thrown', () => {
  const broken = () => {
    throw new Error('table index is out of bounds');
  };
  assert.equal(explain({ xkernel: class {} as never, get_exception_message: broken }, 7), '7');
});

for (const [browser, said] of [
  ['Chromium', "CompileError: WebAssembly.compile(): Refused to compile or instantiate WebAssembly module because 'unsafe-eval' is not an allowed source of script"],
  ['Chromium, in a worker', 'CompileError: WebAssembly.compile(): Wasm code generation disallowed by embedder'],
  ['Firefox', 'call to WebAssembly.compile() blocked by CSP'],
  ['WebKit', "Refused to create a WebAssembly object because 'unsafe-eval' or 'wasm-unsafe-eval' is not an allowed source"],
] as const) {
  test(`a policy that forbids WebAssembly is named as the cause: ${browser}`, () => {
    const { failure } = because(new WebAssembly.CompileError(said), 'CompileFailed', 'x', { hint: 'too old' });
    assert.equal(failure.name, 'CompileFailed');
    assert.match(failure.hint ?? '', /'wasm-unsafe-eval' in script-src/);
  });
}
