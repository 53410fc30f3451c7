import PRELOAD from './preload.py';

/** Python's code that imports modules into a kernel before it is copied; it raises an ImportError. */
export function preloading(modules: readonly string[]): string {
  return `${PRELOAD}\n${call(modules)}\n`;
}

/** The same, with a last expression that says why one cannot be imported; it is empty where all can. */
export function toldPreloading(modules: readonly string[]): string {
  return `${PRELOAD}\ntold = ''\ntry:\n    ${call(modules)}\nexcept ImportError as error:\n    told = str(error)\ntold\n`;
}

/** Why one could not be imported, out of all that is told of the exception. */
export function whyNotImported(told: string): string {
  return /ImportError: ('.*' cannot be imported.*)$/m.exec(told)?.[1] ?? told;
}

function call(modules: readonly string[]): string {
  const names = JSON.stringify(JSON.stringify(modules));
  return `_lite_env_preload(__import__('json').loads(${names}))`;
}
