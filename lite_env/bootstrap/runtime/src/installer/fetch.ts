import { sha256Hex } from '../io/digest';
import { Refused } from './refusal';

/** Gets what an address holds; tests bring their own. */
export type Fetch = (url: string, init?: RequestInit) => Promise<Response>;

/** Bytes that may be asked of a server at once. */
const LIMIT = 1 << 30;

export interface Fetched {
  readonly data: Uint8Array;
  /** Where it came from in the end, which links in it are relative to. */
  readonly url: string;
  readonly type: string;
}

/** Requests of one command: aborted together, failures told by the server's name. */
export class Fetcher {
  constructor(
    private readonly fetch: Fetch,
    readonly signal: AbortSignal
  ) {}

  /**
   * What is at `url`; null where there is nothing (404).
   *
   * @throws Refused when there is no way to it, or the server refuses.
   */
  async get(url: string, what: string, accept?: string): Promise<Fetched | null> {
    const { host, protocol } = addressOf(url, what);
    if (protocol !== 'http:' && protocol !== 'https:') {
      throw new Refused(`${what} is at "${url}", which is no address of the web`);
    }
    let response: Response;
    let data: Uint8Array;
    try {
      response = await this.fetch(url, {
        signal: this.signal,
        credentials: 'omit',
        ...(accept ? { headers: { Accept: accept } } : {}),
      });
      if (Number(response.headers.get('content-length')) > LIMIT) {
        throw new Error('it is larger than 1 GiB');
      }
      data = new Uint8Array(await response.arrayBuffer());
    } catch (cause) {
      this.signal.throwIfAborted();
      throw unreachable(host, what, cause);
    }
    if (response.status === 404 || response.status === 410) {
      return null;
    }
    if (!response.ok) {
      throw new Refused(
        `${what}: ${host} answers status ${response.status}`,
        response.status < 500 ? 'it may want credentials, which are not sent from a notebook' : 'try again later'
      );
    }
    return { data, url: response.url || url, type: response.headers.get('content-type') ?? '' };
  }

  /** A file that must be there, and be the one that was told of. */
  async file(url: string, what: string, sha256: string | null): Promise<Uint8Array> {
    const found = await this.get(url, what);
    if (!found) {
      throw new Refused(`${what} is not at "${url}" (status 404)`);
    }
    const digest = await sha256Hex(found.data);
    if (sha256 !== null && digest !== sha256.toLowerCase()) {
      throw new Refused(
        `${what} is not the file that was expected: found sha256 ${digest}, expected ${sha256}`,
        `"${url}" gave other bytes: it is damaged or was replaced`
      );
    }
    return found.data;
  }
}

function addressOf(url: string, what: string): URL {
  try {
    return new URL(url);
  } catch {
    throw new Refused(`${what}: "${url}" is no address`);
  }
}

/** Browsers give one error for no network, no such host and a server that does not let other pages read. */
function unreachable(host: string, what: string, cause: unknown): Refused {
  const reason = (cause as { cause?: { code?: string; message?: string } }).cause;
  const said = reason?.code ?? reason?.message ?? (cause instanceof Error ? cause.message : String(cause));
  const offline = (globalThis.navigator as Partial<Navigator> | undefined)?.onLine === false;
  return new Refused(
    offline ? `there is no network: ${what} is at ${host}` : `${host} cannot be reached for ${what}: ${said}`,
    offline
      ? 'go online, or install a wheel from /drive'
      : 'see that there is a network, and that the server lets other pages read it (CORS)'
  );
}
