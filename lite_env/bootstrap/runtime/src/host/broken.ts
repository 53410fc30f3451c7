/** What is told of a worker that cannot say itself why it has ended, or has never begun. */
import type { Failure } from '../errors';

export const GONE: Failure = {
  name: 'KernelFailed',
  message: 'the worker has ended without a word: the program closed it, or the browser did, most often for its memory',
  file: 'worker.js',
  hint: 'start the kernel again; where it ends again, close other tabs or use less memory',
};

/** A worker of which nothing is heard, not even that it has begun. */
export function silentWorker(ms: number): Failure {
  return {
    name: 'NetworkFailed',
    message: `nothing was heard of the worker within ${ms / 1000} seconds: its script did not come`,
    file: 'worker.js',
    hint: 'see that the network works and the server is not overloaded, and start the kernel again',
  };
}

/** A script that is missing is a plain event without words; a page in its place has an error in its first line. */
export function brokenWorker(event: Event): Failure {
  const { message = '' } = event as Partial<ErrorEvent>;
  const isLoaded = message !== '' && !message.includes('SyntaxError');
  const reason = isLoaded ? message : `its script could not be loaded${message && ` (${message})`}`;
  return {
    name: 'KernelFailed',
    message: `the worker broke down: ${reason}`,
    file: 'worker.js',
    hint: isLoaded
      ? 'start the kernel again, which begins with empty memory'
      : 'see that the whole folder of the runtime is deployed, and that `runtime` names it',
  };
}
