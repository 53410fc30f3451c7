import PRELOAD from './preload.py';

/** Python's code that imports modules into a kernel before it is copied. */
export function preloading(modules: readonly string[]): string {
  const names = JSON.stringify(JSON.stringify(modules));
  return `${PRELOAD}\n_lite_env_preload(__import__('json').loads(${names}))\n`;
}
