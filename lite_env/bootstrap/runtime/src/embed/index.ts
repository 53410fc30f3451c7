/** Entry of lite-env.mjs, the embedding API; see docs/embedding.md. */
import type { Kernel, KernelOptions } from './api';
import { WorkerKernel } from './kernel';

export * from './api';
/** Of this interface; another number is another one. */
export const EMBED_VERSION = 1;
export { BrowserContents } from './browser-contents';

/**
 * Start a packed kernel in a worker of this page; resolves when it takes requests.
 *
 * @throws KernelError with the file, the reason and what to do.
 */
export function createKernel(options: KernelOptions): Promise<Kernel> {
  return WorkerKernel.start(options);
}
