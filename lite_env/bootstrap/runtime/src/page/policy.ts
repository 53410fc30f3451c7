/** What a Content-Security-Policy of the page refuses: the directive by its name, and what it must allow. */
import type { Problem } from './problems';

/** What of a `SecurityPolicyViolationEvent` is looked at. */
export interface Violation {
  readonly effectiveDirective: string;
  /** A URL, or a word such as `inline`, `eval`, `wasm-eval`, `data`. */
  readonly blockedURI: string;
  /** `report` refuses nothing. */
  readonly disposition: string;
}

/** What the page, its kernel and what cells show need; docs/embedding.md says why. */
const NEEDED: Readonly<Record<string, string>> = {
  'script-src': "'self' blob: 'unsafe-eval'",
  'worker-src': "'self'",
  'connect-src': "'self'",
  'style-src': "'self' 'unsafe-inline'",
  'img-src': "'self' data:",
};

declare global {
  /** What was refused before this script was there; see index.html. */
  var liteEnvRefused: Violation[] | undefined;
}

/** The problem that a violation is; null where nothing was refused. */
export function refused(violation: Violation, page: string): Problem | null {
  if (violation.disposition !== 'enforce') {
    return null;
  }
  const directive = violation.effectiveDirective.replace(/-(elem|attr)$/, '');
  const what = blocked(violation.blockedURI, page);
  const needed = NEEDED[directive];
  return {
    name: 'PolicyRefused',
    message: `the Content-Security-Policy of this page refuses ${what} by ${directive}`,
    file: null,
    hint: needed
      ? `let the server send ${directive} ${needed}; default-src stands for what is not named`
      : `let the server allow it in ${directive}`,
    fatal: false,
  };
}

/** A URL relative to the page, a scheme, or what the browser calls it. */
function blocked(uri: string, page: string): string {
  if (!URL.canParse(uri)) {
    return /^(data|blob)$/.test(uri) ? `${uri}: addresses` : `"${uri || 'inline'}"`;
  }
  const folder = new URL('.', page).href;
  return `"${uri.startsWith(folder) ? uri.slice(folder.length) : uri}"`;
}

/** Tell of what was refused and of what will be. */
export function watchPolicy(told: (problem: Problem) => void): void {
  const tell = (violation: Violation) => {
    const problem = refused(violation, location.href);
    problem && told(problem);
  };
  globalThis.liteEnvRefused?.forEach(tell);
  globalThis.liteEnvRefused = undefined; // Told: the page collects no more of them.
  document.addEventListener('securitypolicyviolation', tell);
}
