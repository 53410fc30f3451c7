import { describe } from '../../errors';
import type { EmscriptenModule } from './emscripten';

/** What a C++ exception says: a pointer in older builds, a WebAssembly.Exception in newer ones. */
export function explain(module: EmscriptenModule, error: unknown): string {
  try {
    if (typeof error === 'number' && module.get_exception_message) {
      return module.get_exception_message(error);
    }
    const native = (WebAssembly as { Exception?: new (...rest: never[]) => object }).Exception;
    if (native && error instanceof native && module.getExceptionMessage) {
      return [module.getExceptionMessage(error)].flat().join(': ');
    }
  } catch {
    // The message itself could not be had; what was thrown still can be shown.
  }
  return describe(error);
}
