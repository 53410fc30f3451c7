/** Pyodide: its own loader starts Python, and IPython with pyodide_kernel is the kernel. */
import { NeededLibraries } from '../../kernel/libraries';
import type { Checker } from '../../pack/check';
import type { PackedKernel } from '../../pack/manifest';
import type { Tree } from '../../pack/tree';
import { because } from '../../errors';
import type { Loaded, Running, Runtime, Startable, Surroundings } from '../runtime';
import { readFiles, type PyodideFiles } from './files';
import { loadWaiting, type Waiting } from './load';
import { installNetwork } from './network';
import type { PyodideModule } from './pyodide';
import { PyodideRunning } from './running';

export const pyodide: Runtime = {
  family: 'pyodide',
  read(kernel: PackedKernel, check: Checker, where: string): Startable {
    const files = readFiles(kernel, check, where);
    return {
      main: files.wasm,
      script: files.script,
      load: async surroundings => new PyodideLoaded(files, await loadWaiting(files, surroundings), surroundings),
    };
  },
};

class PyodideLoaded implements Loaded {
  readonly files: PyodideModule;

  constructor(
    private readonly kernel: PyodideFiles,
    private readonly waiting: Waiting,
    private readonly surroundings: Surroundings
  ) {
    this.files = waiting.module;
  }

  /** Emscripten 4 and later look needed libraries up in the file system by themselves. */
  libraries(tree: Tree): ((path: string) => void) | null {
    if (Number.parseInt(this.kernel.runtime.emscripten ?? '', 10) >= 4) {
      return null;
    }
    const needed = new NeededLibraries(this.files, tree, this.surroundings.prefix);
    return path => needed.loadFor(path);
  }

  async start(interpreted: () => Promise<void>): Promise<Running> {
    const python = await this.waiting.start();
    await interpreted();
    try {
      const running = new PyodideRunning(python, this.files, message => this.surroundings.post(message));
      installNetwork(python, this.surroundings);
      return running;
    } catch (cause) {
      throw because(cause, 'KernelFailed', `the kernel "${this.kernel.name}" did not start`, {
        file: this.kernel.script.path,
        hint: 'the environment needs the package that brings pyodide_kernel, and what it depends on',
      });
    }
  }

  saving(): string {
    return 'kernels of Pyodide have no snapshots yet';
  }
}
