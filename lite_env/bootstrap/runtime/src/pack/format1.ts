import type { ArchiveInfo, Load } from './manifest';

type Json = Record<string, unknown>;

/**
 * A kernel of a manifest of format 1.x, in the form of 2.0; it is checked as one of those. There the runtime belonged to
 * the environment, and every kernel's start loaded the same archives.
 */
export function kernelOf1(kernel: Json, top: Json, archives: readonly ArchiveInfo[]): Json {
  const loadedFor = (load: Load) => archives.flatMap((archive, position) => (archive.load === load ? [position] : []));
  const files = [
    named('script', 'script', kernel['script']),
    named('wasm', 'wasm', kernel['wasm']),
    ...(kernel['data'] === null || kernel['data'] === undefined ? [] : [named('data', 'data', kernel['data'])]),
    ...Object.entries(kernel['shared'] ?? {}).map(([name, file]) => named('shared', name, file)),
  ];
  return {
    ...kernel,
    runtime: runtimeOf(kernel, top['runtime']),
    files,
    start: { interpreter: loadedFor('interpreter'), kernel: loadedFor('kernel') },
  };
}

/** The environment's Python is for the kernels that speak it. */
function runtimeOf(kernel: Json, runtime: unknown): unknown {
  const speaksPython = String(kernel['language']).toLowerCase() === 'python';
  return isObject(runtime) && !speaksPython ? { ...runtime, python: null } : runtime;
}

function named(role: string, name: string, file: unknown): unknown {
  return isObject(file) ? { ...file, role, name } : file;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
