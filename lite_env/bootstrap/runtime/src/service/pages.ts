/** The page's own files: what of the answers for them is kept. */
import { sha256Hex } from '../io/digest';

/** What an answer for a file must be. */
export interface Wanted {
  readonly url: string;
  /** Null of the page itself, which names what it `names`. */
  readonly sha256: string | null;
  readonly names: string;
}

/** A server may call a wrong answer immutable, so that only a request past every cache brings another one. */
export type Ask = (url: string, cache: RequestCache) => Promise<Response>;

/**
 * The right answer for a file: as the browser has it, where the page has just loaded it; asked for anew where that is
 * wrong.
 *
 * @throws Error when the server's own answer is wrong.
 */
export async function rightAnswer(wanted: Wanted, ask: Ask): Promise<Response> {
  const first = await ask(wanted.url, wanted.sha256 === null ? 'no-cache' : 'force-cache');
  if ((await whyWrong(first, wanted)) === null) {
    return first;
  }
  const anew = await ask(wanted.url, 'reload');
  const reason = await whyWrong(anew, wanted);
  if (reason !== null) {
    throw new Error(`${wanted.url} ${reason}`);
  }
  return anew;
}

/** What is wrong with an answer; null where nothing is. */
export async function whyWrong(response: Response, { url, sha256, names }: Wanted): Promise<string | null> {
  if (!response.ok) {
    return `answered ${response.status}`;
  }
  const type = response.headers.get('content-type') ?? '';
  if (sha256 === null) {
    return (await response.clone().text()).includes(names) ? null : 'is not the page of this deployment';
  }
  if (/\.m?js$/.test(url) && !/(?:java|ecma)script/i.test(type)) {
    return `is called "${type}", as which no browser runs it`;
  }
  const found = await sha256Hex(new Uint8Array(await response.clone().arrayBuffer()));
  return found === sha256 ? null : `has SHA-256 ${found}, this deployment's has ${sha256}`;
}
