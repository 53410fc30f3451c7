/** The manifest as the page has it: asked for beside worker.js, which needs it first. */
import { collect } from '../io/browser';
import { StallWatch } from '../io/stall';
import { isPage } from '../io/verify';

/** Milliseconds without a byte. The worker is told to begin only then, and its own request has a limit as well. */
const STALL_MS = 10_000;

/**
 * What is in the manifest at `url`, or in what is the answer for it; null where it cannot be had, or does not come: the
 * worker then asks itself, and tells why.
 */
export async function manifestOf(
  url: string,
  answer: Promise<Response> | null | undefined,
  ms = STALL_MS
): Promise<Uint8Array | null> {
  const watch = new StallWatch(ms, undefined);
  const stalled = new Promise<null>(resolve => watch.signal.addEventListener('abort', () => resolve(null)));
  const read = async () => {
    const response = await (answer ?? fetch(url, { cache: 'no-cache', signal: watch.signal }));
    watch.alive();
    const isManifest = response.ok && !isPage(response.headers.get('content-type'));
    return isManifest ? collect(response, url, () => watch.alive()) : null;
  };
  try {
    return await Promise.race([read(), stalled]);
  } catch {
    return null;
  } finally {
    watch.stop();
  }
}
