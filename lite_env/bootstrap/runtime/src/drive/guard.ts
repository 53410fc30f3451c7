export const NODE_OPERATIONS = ['getattr', 'setattr', 'lookup', 'mknod', 'rename', 'unlink', 'rmdir', 'readdir'];
export const STREAM_OPERATIONS = ['open', 'close', 'read', 'write', 'allocate', 'llseek', 'mmap', 'msync', 'fsync'];

/**
 * Emscripten hands a program the errors of its own kind and lets every other one end the kernel. What an operation
 * throws besides becomes one of them here.
 */
export function guard<T extends object>(operations: T, names: readonly string[], failed: (cause: unknown) => Error): T {
  const table = operations as Record<string, unknown>;
  for (const name of names) {
    const run = table[name];
    if (typeof run === 'function') {
      table[name] = (...given: unknown[]) => {
        try {
          return run.apply(operations, given) as unknown;
        } catch (error) {
          throw isErrno(error) ? error : failed(error);
        }
      };
    }
  }
  return operations;
}

function isErrno(error: unknown): boolean {
  return typeof (error as { errno?: unknown } | null)?.errno === 'number';
}
