import RESTORED from './restored.py';

/**
 * Python's code that lets a restored program have what belongs to this start, and not to the one that was saved.
 * `variables` are those of the environment, which it has; what is told of the browser is told anew.
 */
export function freshening(variables: Readonly<Record<string, string>>): string {
  const told = JSON.stringify(JSON.stringify(languageUnless(variables)));
  return `${RESTORED}\n_lite_env_freshen(__import__('json').loads(${told}))\ndel _lite_env_freshen\n`;
}

/** What Emscripten gives its programs of the browser in each start, unless the environment says otherwise. */
function languageUnless({ LANG }: Readonly<Record<string, string>>): Record<string, string> {
  if (LANG !== undefined) {
    return {};
  }
  const { languages } = (globalThis.navigator ?? {}) as Partial<Navigator>;
  return { LANG: `${(languages?.[0] ?? 'C').replace('-', '_')}.UTF-8` };
}
