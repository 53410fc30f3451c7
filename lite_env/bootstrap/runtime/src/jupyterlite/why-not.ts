/** Why a script did not load, which browsers do not tell. */
import { BootError, type FailureName } from '../errors';
import type { Violation } from '../page/policy';
import { refused } from '../page/policy';
import { soon } from '../soon';

const WAIT_MS = 20_000;
const DEPLOY = 'deploy the whole site again, with the folder lite-env/';

/** Ask for the file once more, and tell what is wrong with the answer; null where nothing is. */
export async function whyNot(url: string, file: string, cause: unknown): Promise<BootError | null> {
  const told = (name: FailureName, reason: string, hint: string) =>
    new BootError(name, `"${file}" ${reason}`, { file, hint, cause });
  let response: Response;
  try {
    response = await soon(fetch(url, { cache: 'reload' }), WAIT_MS, () => {
      throw new Error('no answer');
    });
  } catch {
    return navigator.onLine === false
      ? told('Offline', 'is in no cache, and there is no network', 'connect, and start the kernel again')
      : told('NetworkFailed', 'could not be fetched: the server does not answer', 'see that the server runs, and start the kernel again');
  }
  if (response.status === 404 || response.status === 410) {
    return told('FileMissing', `is not on the server (${response.status})`, `${DEPLOY}; if it was, reload the page`);
  }
  if (!response.ok) {
    return told('HttpStatus', `is refused by the server with status ${response.status}`, 'open its address to see what the server says');
  }
  const type = response.headers.get('content-type') ?? 'none';
  if (type.startsWith('text/html')) {
    return told('HtmlInsteadOfFile', 'is not there, and the server answers a page in its place', DEPLOY);
  }
  if (!/javascript|ecmascript/.test(type)) {
    return told('Undecodable', `is served with the type "${type}"`, 'let the server send scripts as text/javascript');
  }
  return null;
}

/** What the page's Content-Security-Policy has refused of the files below `root`. */
export class Refusals {
  private last: string | null = null;

  constructor(private readonly root: URL) {}

  /** The latest, with what to do; null where there was none. */
  get hint(): string | null {
    return this.last;
  }

  take(violation: Violation): void {
    const problem = violation.blockedURI.startsWith(this.root.href) ? refused(violation, this.root.href) : null;
    if (problem) {
      this.last = `${problem.message}: ${problem.hint}`;
    }
  }
}
