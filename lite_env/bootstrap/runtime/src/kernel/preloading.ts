import PRELOAD from './preload.py';

/** Python's code that imports modules into a kernel before it is copied. */
export function preloading(modules: readonly string[]): string {
  const names = JSON.stringify(JSON.stringify(modules));
  return `${PRELOAD}\n_lite_env_preload(__import__('json').loads(${names}))\n`;
}

/** Why one could not be imported, out of all that is told of the exception. */
export function whyNotImported(told: string): string {
  return /ImportError: ('.*' cannot be imported.*)$/m.exec(told)?.[1] ?? told;
}
