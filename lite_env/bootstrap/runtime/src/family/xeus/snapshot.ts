/** Snapshots of xeus-python of 2023: what lies outside of its memory, and how a started kernel comes of it again. */
import type { FileSystem } from '../../fs/emscripten';
import type { Snapshot, Taken } from '../../snapshot/form';
import { takePages } from '../../snapshot/pages';
import type { Libraries } from '../../snapshot/rooms/environment';
import { putFiles, takeFiles, type Files } from '../../snapshot/rooms/files';
import { putLinked, takeLinked, type Linked } from '../../snapshot/rooms/linker';
import { putValues, takeValues, type Values } from '../../snapshot/rooms/values';
import { guard } from '../../snapshot/unusable';
import type { EmscriptenModule, KernelServer } from './emscripten';
import type { BoundType, Inner } from './glue';

/** Python objects that the script holds, and the code of which each is the value. */
const FIELDS = {
  _interpreter: null,
  default_scope: null,
  py_pyjs: 'pyjs',
  _py_exec_eval: 'pyjs.exec_eval',
  _py_async_exec_eval: 'pyjs.async_exec_eval',
  _add_resolve_done_callback: null,
  _py_to_js: 'pyjs.to_js',
} as const;
type Field = keyof typeof FIELDS;

/** An object of C++ as embind shows it: a pointer, which may be a smart one, of a type by its name. */
interface Bound {
  readonly type: string;
  readonly pointer: number;
  readonly smart?: { readonly type: string; readonly pointer: number };
}

/** What lies outside of the memory. */
interface Outside {
  readonly linked: Linked;
  readonly values: Values;
  readonly callers: readonly (readonly [count: number, types: number])[];
  readonly fields: Readonly<Record<Field, Bound>>;
  readonly server: Bound;
  readonly files: Files;
  /** What the program's clock showed, in milliseconds. */
  readonly clock: number;
}

/** A module as it was before anything was started. */
export interface Fresh {
  readonly inner: Inner;
  readonly table: number;
  readonly stack: number;
  readonly bytes: number;
}

interface WithHandle {
  readonly $$: {
    readonly ptrType: { readonly name: string };
    readonly ptr: number;
    readonly smartPtr?: number;
    readonly smartPtrType?: { readonly name: string };
  };
}

/** The entry points that `init` calls. */
interface EntryPoints {
  _Interpreter: new () => unknown;
  main_scope: () => unknown;
  _exec: () => unknown;
  _eval: (code: string) => unknown;
  setenv: () => void;
}
type Module = EmscriptenModule & EntryPoints & Record<Field, WithHandle> & { readonly pyobject: { readonly prototype: { _raw_apply: unknown } } };

export function freshOf(inner: Inner): Fresh {
  return {
    inner,
    table: inner.wasmTable.length,
    stack: Number(inner.___stack_pointer.value),
    bytes: inner.wasmMemory.buffer.byteLength,
  };
}

/** Why a kernel of that module has no snapshots; null where it has. */
export function whyNone(module: EmscriptenModule, fresh: Fresh | null): string | null {
  if (!module.init || !module.pyobject || !module.FS) {
    return 'of this family only xeus-python of 2023 has snapshots';
  }
  return fresh ? null : "the kernel's script is not one that is known";
}

/** @throws Unusable: the kernel is in a state that no snapshot has. */
export function take(
  module: EmscriptenModule,
  server: KernelServer,
  { inner, stack, table }: Fresh,
  scope: object,
  known: ReadonlySet<string>
): Taken {
  guard(Number(inner.___stack_pointer.value) === stack, 'the kernel is busy');
  // The kernel imports it at its first cell, for `input()`: one that is restored would inflate an archive for it.
  module.exec?.("__import__('getpass')");
  const fields = Object.fromEntries(Object.keys(FIELDS).map(name => [name, boundOf((module as Module)[name as Field])]));
  const outside: Outside = {
    linked: takeLinked(inner, table),
    values: takeValues(inner.emval_handles, scope),
    callers: inner.callers,
    fields: fields as Record<Field, Bound>,
    server: boundOf(server as unknown as WithHandle),
    files: takeFiles(module.FS as FileSystem, known),
    clock: performance.now() + inner.ahead,
  };
  const libraries = outside.linked.libraries.map(({ name }) => name);
  return { memory: takePages(new Uint8Array(inner.wasmMemory.buffer)), outside, libraries };
}

/**
 * Make a fresh module the kernel that was saved. When it fails, the module is neither.
 *
 * `code` are the libraries that the snapshot has, by their names.
 */
export async function put(
  snapshot: Snapshot,
  shown: EmscriptenModule,
  { inner, bytes }: Fresh,
  scope: object,
  code: Libraries,
  init: () => Promise<void> | undefined
): Promise<KernelServer> {
  const module = shown as Module;
  const { linked, values, callers, fields, server, files, clock } = snapshot.outside as Outside;
  inner.ahead = Math.max(0, clock - performance.now());
  putFiles(files, module.FS as FileSystem);
  if (bytes < snapshot.size) {
    inner.growMemory(snapshot.size);
  }
  putLinked(linked, inner, code);
  const make = (bound: Bound) => handleOf(inner, bound);
  await withStubs(module, fields, make, init);
  snapshot.fill(new Uint8Array(inner.wasmMemory.buffer), bytes);
  // The stack is at rest in both. A listener sets the flag anew.
  putValues(values, inner.emval_handles, scope);
  const again = inner.wasmImports['_emval_get_method_caller'] as (count: number, types: number) => number;
  callers.forEach(([count, types]) => again(count, types));
  return make(server) as KernelServer;
}

function boundOf({ $$ }: WithHandle): Bound {
  const bound = { type: $$.ptrType.name, pointer: $$.ptr };
  return $$.smartPtr === undefined || !$$.smartPtrType
    ? bound
    : { ...bound, smart: { type: $$.smartPtrType.name, pointer: $$.smartPtr } };
}

/** Nothing ever deletes it: the saved kernel's own handle counted. */
function handleOf({ registeredTypes }: Inner, { type, pointer, smart }: Bound): object {
  const named = (name: string): BoundType | undefined => Object.values(registeredTypes).find(one => one.name === name);
  const ptrType = named(type);
  guard(ptrType?.registeredClass !== undefined, `the kernel has no class "${type}"`);
  const $$ = {
    ptrType,
    ptr: pointer,
    count: { value: 1 },
    ...(smart && { smartPtrType: named(smart.type), smartPtr: smart.pointer }),
  };
  return Object.create(ptrType.registeredClass.instancePrototype, { $$: { value: $$, writable: true } }) as object;
}

/** Run `init` for the functions that it makes, and let nothing of Python run. */
async function withStubs(
  module: Module,
  fields: Outside['fields'],
  make: (bound: Bound) => object,
  init: () => Promise<void> | undefined
): Promise<void> {
  const codes = new Map(Object.entries(FIELDS).flatMap(([name, text]) => (text ? [[text as string, name as Field]] : [])));
  const answer = (name: Field) => ({ has_err: false, ret: make(fields[name]) });
  const { prototype } = module.pyobject;
  const { _raw_apply } = prototype;
  const { _Interpreter, main_scope, _exec, _eval, setenv } = module;
  const stubs: EntryPoints = {
    // What a constructor returns takes the place of what it made.
    _Interpreter: function () {
      return make(fields._interpreter);
    } as unknown as EntryPoints['_Interpreter'],
    main_scope: () => make(fields.default_scope),
    _exec: () => ({ has_err: false }),
    _eval: text => {
      const name = codes.get(text);
      guard(name !== undefined, `the script evaluates "${text}"`);
      return answer(name);
    },
    setenv: () => undefined,
  };
  Object.assign(module, stubs);
  prototype._raw_apply = () => answer('_add_resolve_done_callback');
  try {
    await init();
  } finally {
    Object.assign(module, { _Interpreter, main_scope, _exec, _eval, setenv });
    prototype._raw_apply = _raw_apply;
  }
}
