/** Kernels built on xeus: an Emscripten script that defines `createXeusModule`, and its module. */
import { hasFileSystem, type FileSystemHost } from '../../fs/emscripten';
import LACKING from '../../kernel/lacking.py';
import { NeededLibraries } from '../../kernel/libraries';
import type { Checker } from '../../pack/check';
import type { PackedKernel } from '../../pack/manifest';
import type { Tree } from '../../pack/tree';
import type { Loaded, Running, Runtime, Saving, Startable, Surroundings } from '../runtime';
import type { EmscriptenModule } from './emscripten';
import { explain } from './explain';
import { readFiles, type XeusFiles } from './files';
import { innerOf, openUp } from './glue';
import { Globals } from './globals';
import { installNetwork } from './network';
import { createModule, type Created } from './module';
import { XeusRunning } from './running';
import { freshOf, whyNone } from './snapshot';
import { XeusSaving, type Place } from './saving';
import { setVariables, startInterpreter, startKernel } from './start';

export const xeus: Runtime = {
  family: 'xeus',
  read(kernel: PackedKernel, check: Checker, where: string): Startable {
    const files = readFiles(kernel, check, where);
    return { main: files.wasm, script: files.script, open: openUp, load: surroundings => load(files, surroundings) };
  },
};

async function load(kernel: XeusFiles, surroundings: Surroundings): Promise<Loaded> {
  const globals = new Globals(surroundings.scope, message => surroundings.post(message));
  return new XeusLoaded(kernel, await createModule(kernel, surroundings), globals, surroundings);
}

class XeusLoaded implements Loaded {
  readonly files: FileSystemHost | null;
  private readonly place: Place;

  constructor(
    private readonly kernel: XeusFiles,
    private readonly created: Created,
    private readonly globals: Globals,
    private readonly surroundings: Surroundings
  ) {
    const { module } = created;
    this.files = hasFileSystem(module) ? module : null;
    const inner = innerOf(module);
    this.place = { kernel, created, globals, surroundings, fresh: inner && freshOf(inner), server: null };
  }

  /** Emscripten 4 looks needed libraries up in the file system by itself. */
  libraries(tree: Tree): ((path: string) => void) | null {
    const { module } = this.created;
    if (!hasFileSystem(module) || module.init_phase_1) {
      return null;
    }
    const needed = new NeededLibraries(module, tree, this.surroundings.prefix);
    return path => needed.loadFor(path);
  }

  async start(interpreted: () => Promise<void>): Promise<Running> {
    const { kernel, created, globals } = this;
    const { prefix, variables } = this.surroundings;
    setVariables(created.module, variables);
    await startInterpreter(created, kernel, prefix);
    await interpreted();
    const server = startKernel(created.module, kernel);
    this.place.server = server;
    globals.show(created.module);
    tellWhatIsLacking(created.module, this.surroundings.print);
    installNetwork(created.module, this.surroundings);
    return new XeusRunning(kernel, created, server, globals);
  }

  saving(tree: Tree): Saving | string {
    const { fresh } = this.place;
    return whyNone(this.created.module, fresh) ?? new XeusSaving(this.place, tree);
  }
}

/** A kernel whose Python differs keeps Python's own words for it: no start ends with that. */
function tellWhatIsLacking(module: EmscriptenModule, print: Surroundings['print']): void {
  try {
    module.exec?.(LACKING);
  } catch (error) {
    print('stderr', `this kernel does not say what a browser lacks: ${explain(module, error)}`);
  }
}
