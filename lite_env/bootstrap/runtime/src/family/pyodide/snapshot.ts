/** Snapshots of Pyodide: what lies outside of its memory, and how a started kernel comes of it again. */
import type { Snapshot, Taken } from '../../snapshot/form';
import { takePages } from '../../snapshot/pages';
import type { Libraries } from '../../snapshot/rooms/environment';
import { putFiles, takeFiles, type Files } from '../../snapshot/rooms/files';
import { putLinked, takeLinked, type Linked } from '../../snapshot/rooms/linker';
import { guard } from '../../snapshot/unusable';
import type { Inner } from './glue';
import type { Api, PyodideModule } from './pyodide';
import type { References } from './references';

/** How many values stand in front in the table of each start, the same in all. */
const CONSTANTS = 6;

/** Bytes that calls which were suspended leave when they have come back; one that has not takes kilobytes. */
const LEFT_ON_STACK = 1024;

/** What lies outside of the memory. */
interface Outside {
  readonly linked: Linked;
  /** Where the stack's end is at rest: the interpreter's arguments stay on it. */
  readonly stack: number;
  /** JavaScript values that Python holds, as Pyodide writes them down. */
  readonly references: unknown;
  readonly zone: readonly number[];
  readonly files: Files;
  /** What the program's clock showed, in milliseconds. */
  readonly clock: number;
}

/** A module that runs, and whose interpreter was not started. */
export interface Fresh {
  readonly inner: Inner;
  readonly table: number;
  readonly bytes: number;
}

export function freshOf(inner: Inner): Fresh {
  return {
    inner,
    table: inner.wasmTable.length,
    bytes: inner.wasmMemory.buffer.byteLength,
  };
}

/** Where the stack's end is now. */
export function stackOf({ inner }: Fresh): number {
  return Number(inner.___stack_pointer.value);
}

/** @throws Unusable: Python holds a value that no later start could find. */
export function takeReferences(api: Api, references: References): unknown {
  expectConstants(api);
  guard(api.serializeHiwireState !== undefined, 'this version of Pyodide has no snapshots');
  return api.serializeHiwireState(value => references.wayTo(value));
}

/**
 * `stack` is where it was when the kernel had been started, `references` is what `takeReferences` gave.
 *
 * @throws Unusable: the kernel is in a state that no snapshot has.
 */
export function take(
  { FS }: PyodideModule,
  fresh: Fresh,
  stack: number,
  references: unknown,
  known: ReadonlySet<string>
): Taken {
  const { inner, table } = fresh;
  const now = stackOf(fresh);
  guard(now <= stack && stack - now <= LEFT_ON_STACK, 'the kernel is busy');
  const outside: Outside = {
    linked: takeLinked(inner, table),
    stack: now,
    references,
    zone: inner.zone,
    files: takeFiles(FS, known),
    clock: performance.now() + inner.ahead,
  };
  const libraries = outside.linked.libraries.map(({ name }) => name);
  return { memory: takePages(new Uint8Array(inner.wasmMemory.buffer)), outside, libraries };
}

/**
 * Make a fresh module what was saved, and give its references, which Pyodide's own last step of a start puts back. When it
 * fails, the module is neither.
 *
 * `code` are the libraries that the snapshot has, by their names.
 */
export function put(
  snapshot: Snapshot,
  { FS }: PyodideModule,
  api: Api,
  { inner, bytes }: Fresh,
  code: Libraries
): unknown {
  const { linked, stack, references, zone, files, clock } = snapshot.outside as Outside;
  expectConstants(api);
  inner.ahead = Math.max(0, clock - performance.now());
  putFiles(files, FS);
  if (bytes < snapshot.size) {
    inner.growMemory(snapshot.size);
  }
  putLinked(linked, inner, code);
  snapshot.fill(new Uint8Array(inner.wasmMemory.buffer), bytes);
  inner.___stack_pointer.value = stack;
  // C knows the time zone of its first look at it: what it saw is that of the saved kernel.
  const look = inner.wasmImports['_tzset_js'];
  if (zone.length > 0 && typeof look === 'function') {
    look(...zone);
  }
  return references;
}

/**
 * Pyodide's functions take it that the list of loaded packages is empty, and put an empty one that nobody else has back: it
 * is a value as others are.
 */
function expectConstants(api: Api): void {
  const { getExpectedKeys } = api;
  if (getExpectedKeys) {
    api.getExpectedKeys = () => getExpectedKeys().slice(0, CONSTANTS);
  }
}
