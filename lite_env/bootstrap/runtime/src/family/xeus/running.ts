import { importedModules } from '../../kernel/imports';
import { isInterrupted, signalBuffer, takeSignal, wasInterrupted } from '../../kernel/interrupt';
import { forgetUnfinished } from '../../kernel/libraries';
import { pythonProgram } from '../../kernel/program';
import type { PackedKernel } from '../../pack/manifest';
import type { JupyterMessage } from '../../protocol';
import type { Ask, Running } from '../runtime';
import type { KernelServer } from './emscripten';
import { explain } from './explain';
import type { Globals } from './globals';
import type { Created } from './module';

/** A xeus kernel that takes messages. */
export class XeusRunning implements Running {
  private interrupt: SharedArrayBuffer | null = null;

  constructor(
    private readonly kernel: PackedKernel,
    private readonly created: Created,
    private readonly server: KernelServer,
    private readonly globals: Globals
  ) {}

  async handle(message: JupyterMessage): Promise<void> {
    forgetUnfinished(this.created.module);
    const { globals } = this;
    globals.progress.begin(message);
    this.server.notify_listener(message);
    await globals.settled(() => this.takeInterrupt());
    await globals.progress.done(this.isInterrupted);
  }

  input(ask: Ask): void {
    this.globals.answer(ask, () => this.raise());
  }

  /** CPython looks at the buffer between bytecodes; a kernel without the hook can only be stopped. */
  listen(interrupt: SharedArrayBuffer): boolean {
    const { module, heap } = this.created;
    const address = heap.address('Py_EMSCRIPTEN_SIGNAL_HANDLING');
    if (address === null || !heap.store(address, 1)) {
      return false;
    }
    module.Py_EmscriptenSignalBuffer = signalBuffer(interrupt, () => this.globals.isAwaiting);
    this.interrupt = interrupt;
    return true;
  }

  imports(code: string): readonly string[] {
    return this.isPython ? importedModules(code) : [];
  }

  /** Of a language that is not known here nobody can say how it runs a file: it gets its text. */
  program(path: string, text: string): string {
    return this.isPython ? pythonProgram(path) : text;
  }

  explain(error: unknown): string {
    return explain(this.created.module, error);
  }

  private get isPython(): boolean {
    return this.kernel.language.toLowerCase() === 'python';
  }

  private get isInterrupted(): boolean {
    return this.interrupt !== null && wasInterrupted(this.interrupt);
  }

  /** Take a signal that the kernel has not seen. */
  private takeInterrupt(): boolean {
    if (!this.interrupt || !isInterrupted(this.interrupt)) {
      return false;
    }
    takeSignal(this.interrupt);
    return true;
  }

  /** The interrupt is raised where `input()` returns, not when CPython happens to look at the buffer next. */
  private raise(): void {
    const raise = this.created.heap.function('PyErr_SetInterrupt');
    if (raise && this.interrupt) {
      takeSignal(this.interrupt);
      raise();
    }
  }
}
