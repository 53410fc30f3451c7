import { describe } from '../../errors';
import { importedModules } from '../../kernel/imports';
import { isInterrupted, signalBuffer, takeSignal } from '../../kernel/interrupt';
import LACKING from '../../kernel/lacking.py';
import { forgetUnfinished } from '../../kernel/libraries';
import { pythonProgram } from '../../kernel/program';
import { newId } from '../../ids';
import { newMessage } from '../../message';
import type { JupyterMessage } from '../../protocol';
import type { Ask, Running } from '../runtime';
import KERNEL from './kernel.py';
import type { Pyodide, PyodideModule, PythonObject } from './pyodide';

/** How often an interrupt is looked for while a cell awaits. */
const LOOK_MS = 50;

/** The kernel as its shell holds it. The loader has put a folder in front of the search path which is there. */
const AGAIN = `
import sys, pyodide_kernel
sys.path[:] = dict.fromkeys(sys.path)
pyodide_kernel.ipython_shell.send_comm.__self__
`;

/** An instance of kernel.py's `Kernel`. */
interface PythonKernel extends PythonObject {
  handle(message: string, buffers: readonly Uint8Array[]): Promise<void>;
  interrupt(): void;
}

/** Who answers what kernel.py says and asks. */
interface Answers {
  say(channel: string, type: string, content: string, metadata: string, buffers: Uint8Array[]): void;
  ask(): { value: string; interrupted: boolean };
  awaiting(on: boolean): void;
}

/**
 * What kernel.py calls. It is there before the kernel is: one that is restored holds it already, and may hold its functions,
 * which are its own, so that they are found by their names.
 */
export class KernelHost {
  answers: Answers | null = null;

  readonly say = (...told: Parameters<Answers['say']>) => this.answers?.say(...told);
  readonly ask = () => this.answers?.ask() ?? { value: '', interrupted: false };
  readonly awaits = (on: boolean) => this.answers?.awaiting(on);
}

/** A Pyodide kernel that takes messages. */
export class PyodideRunning implements Running {
  private readonly session = newId();
  /** The request at hand, or the last one. */
  private request: JupyterMessage['header'] | null = null;
  private awaits = false;
  private asks: Ask | null = null;
  private memory: SharedArrayBuffer | null = null;

  private constructor(
    private readonly pyodide: Pyodide,
    private readonly kernel: PythonKernel,
    private readonly module: PyodideModule,
    private readonly post: (message: unknown) => void
  ) {}

  /** Have Python make its kernel. */
  static begin(pyodide: Pyodide, module: PyodideModule, host: KernelHost, post: (message: unknown) => void): PyodideRunning {
    const names = pyodide.toPy({});
    pyodide.runPython(LACKING, { globals: names, filename: '<lite_env>/lacking.py' });
    pyodide.runPython(KERNEL, { globals: names, filename: '<lite_env>/kernel.py' });
    const create = names.get('Kernel') as ((host: object) => PythonKernel) & PythonObject;
    const kernel = create(host);
    create.destroy();
    names.destroy();
    return PyodideRunning.of(pyodide, kernel, module, host, post);
  }

  /** Find the kernel that Python has. */
  static again(pyodide: Pyodide, module: PyodideModule, host: KernelHost, post: (message: unknown) => void): PyodideRunning {
    const names = pyodide.toPy({});
    const kernel = pyodide.runPython(AGAIN, { globals: names, filename: '<lite_env>/again.py' }) as PythonKernel;
    names.destroy();
    return PyodideRunning.of(pyodide, kernel, module, host, post);
  }

  private static of(
    pyodide: Pyodide,
    kernel: PythonKernel,
    module: PyodideModule,
    host: KernelHost,
    post: (message: unknown) => void
  ): PyodideRunning {
    const running = new PyodideRunning(pyodide, kernel, module, post);
    host.answers = {
      say: (...told) => running.say(...told),
      ask: () => running.ask(),
      awaiting: on => void (running.awaits = on),
    };
    return running;
  }

  async handle(message: JupyterMessage): Promise<void> {
    forgetUnfinished(this.module);
    const { buffers, ...rest } = message;
    this.request = message.header;
    const watch = setInterval(() => this.awaits && this.takeInterrupt() && this.kernel.interrupt(), LOOK_MS);
    try {
      await this.kernel.handle(JSON.stringify(rest), (buffers ?? []) as Uint8Array[]);
    } catch (error) {
      // One that hit the kernel's own code, before or after the cell: it has returned, and goes on.
      if ((error as { type?: unknown }).type !== 'KeyboardInterrupt') {
        throw error;
      }
    } finally {
      this.awaits = false;
      clearInterval(watch);
    }
  }

  input(ask: Ask): void {
    this.asks = ask;
  }

  listen(interrupt: SharedArrayBuffer): boolean {
    this.memory = interrupt;
    this.pyodide.setInterruptBuffer(signalBuffer(interrupt, () => this.awaits));
    return true;
  }

  imports(code: string): readonly string[] {
    return importedModules(code);
  }

  program(path: string): string {
    return pythonProgram(path);
  }

  explain(error: unknown): string {
    return describe(error);
  }

  private say(channel: string, type: string, content: string, metadata: string, buffers: Uint8Array[]): void {
    const message = newMessage(this.session, type, JSON.parse(content) as JupyterMessage['content'], channel, this.request ?? {});
    this.post({ ...message, metadata: JSON.parse(metadata) as JupyterMessage['metadata'], buffers });
  }

  /** Block until the question that was told last is answered. */
  private ask(): { value: string; interrupted: boolean } {
    const answer = this.asks?.();
    if (answer?.interrupted) {
      this.takeInterrupt();
    }
    return { value: String(answer?.reply.content['value'] ?? ''), interrupted: answer?.interrupted ?? false };
  }

  /** Take a signal that the kernel has not seen. */
  private takeInterrupt(): boolean {
    if (!this.memory || !isInterrupted(this.memory)) {
      return false;
    }
    takeSignal(this.memory);
    return true;
  }
}
