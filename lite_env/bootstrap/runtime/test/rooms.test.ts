/** How the sources hang together: no circle, and what is a family's stays with the family. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';

const SOURCES = fileURLToPath(new URL('../src/', import.meta.url));
const PATHS = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
  .map(path => path.replaceAll('\\', '/'))
  .filter(path => /\.(ts|html)$/.test(path))
  .sort();
const read = (path: string) => readFileSync(`${SOURCES}${path}`, 'utf8');

/** What families call themselves, and names that only their kernels know. */
const FAMILIES: Readonly<Record<string, RegExp>> = {
  xeus: /xeus|pyjs|xkernel|toplevel_promise|get_stdin|notify_listener|Py_Emscripten|init_phase/i,
  pyodide: /pyodide|addRunDependency|setInterruptBuffer/i,
};
/** The table of families. */
const TABLE = 'family/index.ts';

type Graph = Readonly<Record<string, readonly string[]>>;

/** Modules that a source needs when it runs: imports of types alone are gone by then. */
function neededBy(path: string): string[] {
  const statements = read(path).matchAll(/^(?:import|export)\s+(type\s)?([^;'"]*?)from\s+['"](\.[^'"]+)['"]/gm);
  return [...statements]
    .filter(([, type, names = '', target = '']) => !type && !isOnlyTypes(names) && !target.endsWith('.py'))
    .map(([, , , target = '']) => `${posix.join(posix.dirname(path), target)}.ts`);
}

function isOnlyTypes(names: string): boolean {
  const braced = /^\s*\{([^}]*)\}\s*$/.exec(names)?.[1];
  const parts = (braced ?? '').split(',').filter(part => part.trim() !== '');
  return parts.length > 0 && parts.every(part => part.trim().startsWith('type '));
}

function modules(): Graph {
  return Object.fromEntries(PATHS.filter(path => path.endsWith('.ts')).map(path => [path, neededBy(path)]));
}

/** The same between folders; what lies in none is a room of its own. */
function rooms(graph: Graph): Graph {
  const room = (path: string) => {
    const folder = posix.dirname(path);
    return folder === '.' ? path : folder.startsWith('family/') ? folder : (folder.split('/')[0] as string);
  };
  const found: Record<string, string[]> = {};
  for (const [path, targets] of Object.entries(graph)) {
    const others = targets.map(room).filter(other => other !== room(path));
    found[room(path)] = [...new Set([...(found[room(path)] ?? []), ...others])];
  }
  return found;
}

/** The names on one circle, in its order; nothing where there is none. */
function circleIn(graph: Graph): string[] {
  const done = new Set<string>();
  const visit = (name: string, way: readonly string[]): string[] => {
    if (way.includes(name)) {
      return [...way.slice(way.indexOf(name)), name];
    }
    if (done.has(name)) {
      return [];
    }
    for (const target of graph[name] ?? []) {
      const circle = visit(target, [...way, name]);
      if (circle.length > 0) {
        return circle;
      }
    }
    done.add(name);
    return [];
  };
  return Object.keys(graph).map(name => visit(name, [])).find(circle => circle.length > 0) ?? [];
}

test('no module leads back to itself; types may go back', () => {
  const graph = modules();
  assert.ok(Object.keys(graph).length > 60);
  assert.deepEqual(Object.values(graph).flat().filter(target => !(target in graph)), []);
  assert.deepEqual(circleIn(graph), []);
});

test('no folder leads back to itself', () => {
  assert.deepEqual(circleIn(rooms(modules())), []);
});

test('a circle is seen, and an import of types is none', () => {
  assert.deepEqual(circleIn({ a: ['b'], b: ['c'], c: ['b'] }), ['b', 'c', 'b']);
  assert.deepEqual(circleIn({ a: ['b', 'c'], b: ['c'], c: [] }), []);
  assert.ok(isOnlyTypes('{ type A, type B } ') && !isOnlyTypes('{ type A, b } ') && !isOnlyTypes('a '));
  assert.deepEqual(circleIn(rooms({ 'a/x.ts': ['b/y.ts'], 'b/z.ts': ['a/x.ts'] })), ['a', 'b', 'a']);
});

for (const [family, names] of Object.entries(FAMILIES)) {
  test(`what is ${family}'s is known in its folder alone`, () => {
    const own = `family/${family}/`;
    assert.ok(PATHS.filter(path => path.startsWith(own)).some(path => names.test(read(path))));
    const found = PATHS.filter(path => !path.startsWith(own) && path !== TABLE && names.test(read(path)));
    assert.deepEqual(found, []);
  });
}

test('what both ends of a wire must agree on is written once', () => {
  for (const text of ['/sw-api.v1', '0o170000', '0o100000', '0o040000', 'getRandomValues', 'btoa(', 'atob(']) {
    // host/chance.ts takes the place of what others call.
    const places = PATHS.filter(path => path !== 'host/chance.ts' && read(path).includes(text));
    assert.equal(places.length, 1, text);
  }
});
