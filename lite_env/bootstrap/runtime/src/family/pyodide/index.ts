/** Pyodide: its own loader starts Python, and IPython with pyodide_kernel is the kernel. */
import { NeededLibraries } from '../../kernel/libraries';
import type { Checker } from '../../pack/check';
import type { PackedKernel } from '../../pack/manifest';
import type { Tree } from '../../pack/tree';
import { because } from '../../errors';
import type { Loaded, Running, Runtime, Saving, Startable, Surroundings } from '../runtime';
import { readFiles, type PyodideFiles } from './files';
import { openUp } from './glue';
import { loadWaiting, type Waiting } from './load';
import { installNetwork } from './network';
import type { PyodideModule } from './pyodide';
import { PyodideRunning } from './running';
import { noteStart, placeOf, PyodideSaving, type Place } from './saving';

export const pyodide: Runtime = {
  family: 'pyodide',
  read(kernel: PackedKernel, check: Checker, where: string): Startable {
    const files = readFiles(kernel, check, where);
    return {
      main: files.wasm,
      script: files.script,
      open: openUp,
      load: async surroundings => new PyodideLoaded(files, await loadWaiting(files, surroundings), surroundings),
    };
  },
};

class PyodideLoaded implements Loaded {
  readonly files: PyodideModule;
  private readonly place: Place;

  constructor(
    private readonly kernel: PyodideFiles,
    waiting: Waiting,
    surroundings: Surroundings
  ) {
    this.files = waiting.module;
    this.place = placeOf(waiting, surroundings);
  }

  /** Emscripten 4 and later look needed libraries up in the file system by themselves. */
  libraries(tree: Tree): ((path: string) => void) | null {
    if (Number.parseInt(this.kernel.runtime.emscripten ?? '', 10) >= 4) {
      return null;
    }
    const needed = new NeededLibraries(this.files, tree, this.place.surroundings.prefix);
    return path => needed.loadFor(path);
  }

  async start(interpreted: () => Promise<void>): Promise<Running> {
    const { place } = this;
    const { waiting, surroundings, host, network } = place;
    const python = await waiting.start();
    await interpreted();
    try {
      const running = PyodideRunning.begin(python, this.files, host, message => surroundings.post(message));
      installNetwork(python, network, surroundings.print);
      noteStart(place, python);
      return running;
    } catch (cause) {
      throw because(cause, 'KernelFailed', `the kernel "${this.kernel.name}" did not start`, {
        file: this.kernel.script.path,
        hint: 'the environment needs the package that brings pyodide_kernel, and what it depends on',
      });
    }
  }

  saving(tree: Tree): Saving | string {
    const { place } = this;
    return place.waiting.opened ? new PyodideSaving(place, tree) : "the kernel's script is not one that is known";
  }
}
