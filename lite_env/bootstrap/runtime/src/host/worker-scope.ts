/** Lets a thread of Node look like a browser's worker to the glue of an Emscripten kernel, which asks before all else. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * Put what the glue looks for into the global scope `scope` of a worker that runs the pack in `folder`.
 *
 * Until 3.1 Emscripten knows a worker by its `importScripts`, from 4.0 on by `WorkerGlobalScope`; without them it takes
 * itself for a page or a shell and finds no way to read a file.
 */
export function pretendBrowserWorker(scope: Record<string, unknown>, folder: string): void {
  scope['self'] = scope;
  // All parts of an address: 4.0 asks for `pathname`, older ones for `href`.
  scope['location'] = new URL(pathToFileURL(join(folder, 'worker.js')).href);
  scope['importScripts'] = () => {
    throw new Error('importScripts is not available in Node');
  };
  scope['WorkerGlobalScope'] = class WorkerGlobalScope {
    static [Symbol.hasInstance](value: unknown): boolean {
      return value === scope;
    }
  };
  // Emscripten takes a `process` with `versions.node` for a Node build of its own.
  scope['process'] = undefined;
}
