/**
 * Top-level `await` in the xeus-python of 2023. Its IPython hands the cell's coroutine to the event loop by a method of
 * pyjs that its own pyjs does not have; and where it is there, the kernel replies before the cell is done, and what the
 * cell raises afterwards is shown nowhere. Here the cell is handed over anew, and its end is told when it comes.
 */
import { newMessage } from '../../message';
import type { JupyterMessage } from '../../protocol';
import type { EmscriptenModule } from './emscripten';

/** The method that is asked for. */
const LACKING = '__usafe_void_val_val__';
/** What the cell's runner calls: with what ends it; it gets what to call when it has ended. */
const BEGIN = 'lite_env_await';

const RUNNER = `
def _lite_env_mend():
    import sys
    if "IPython" not in sys.modules:
        return
    import asyncio, json, pyjs
    from IPython import get_ipython
    from IPython.core.async_helpers import _AsyncIORunner

    stops = []
    step = asyncio.Handle._run

    def run_step(handle):
        try:
            step(handle)
        except KeyboardInterrupt:
            if getattr(handle._loop, "blocks", False):
                raise  # That one runs within a cell.
            # Whatever is thrown out of the event loop ends the worker.
            for stop in stops:
                stop()

    def run(self, coroutine):
        task = asyncio.ensure_future(coroutine)
        stopped = []

        def stop():
            stopped.append(True)
            task.cancel()

        stops[:] = [stop]
        tell = pyjs.js.globalThis.${BEGIN}(pyjs.JsValue(stop))

        def done(task):
            stops.clear()
            try:
                result = task.result()
                raised = result.error_before_exec or result.error_in_exec
            except BaseException as error:
                raised = error
            if raised is None:
                return tell("")
            if stopped and isinstance(raised, asyncio.CancelledError):
                return tell(json.dumps(["KeyboardInterrupt", "", ["KeyboardInterrupt: while the cell was at an await"]]))
            shown = getattr(get_ipython(), "last_error", None)
            name, text = type(raised).__name__, str(raised)
            tell(json.dumps([name, text, list(shown[2]) if shown else [name + ": " + text]]))

        task.add_done_callback(done)
        return task

    asyncio.Handle._run = run_step
    _AsyncIORunner.__call__ = run

_lite_env_mend()
del _lite_env_mend
`;

/** How often an interrupt is looked for. */
const LOOK_MS = 50;

interface PythonFunction {
  py_call(): unknown;
  delete(): void;
}

interface Waiting {
  /** Empty, or what was raised. */
  readonly end: Promise<string>;
  readonly stop: PythonFunction;
}

export class Awaits {
  private waiting: Waiting | null = null;
  private held: JupyterMessage[] = [];

  /** Mend a kernel that is started, if it is one of those; what was `mended` before knows what to call. */
  mend(scope: object, module: EmscriptenModule, mended: boolean): void {
    const { pyobject } = module;
    if (!module.exec || !pyobject?.prototype.py_call || LACKING in pyobject.prototype) {
      return;
    }
    Object.assign(scope, { [BEGIN]: (stop: PythonFunction) => this.begin(stop) });
    if (!mended) {
      module.exec(RUNNER);
    }
  }

  /** Whether a message of the kernel's says that the cell is over, which it is not: it is kept until then. */
  keeps(message: JupyterMessage): boolean {
    const isEnd = message.header.msg_type === 'execute_reply' || message.content?.['execution_state'] === 'idle';
    if (this.waiting && isEnd) {
      this.held.push(message);
    }
    return this.waiting !== null && isEnd;
  }

  /** Whether a cell has begun to wait, and is not over. */
  get isOn(): boolean {
    return this.waiting !== null;
  }

  /** Wait until the cell is over; an interrupt ends it where it waits. What was kept of its end, as it has become. */
  async over(takeInterrupt: () => boolean): Promise<readonly JupyterMessage[]> {
    if (!this.waiting) {
      return [];
    }
    const { end, stop } = this.waiting;
    const timer = setInterval(() => {
      if (takeInterrupt()) {
        stop.py_call();
      }
    }, LOOK_MS);
    const raised = await end.finally(() => clearInterval(timer));
    stop.delete();
    this.waiting = null;
    const held = this.held.splice(0);
    return raised ? failed(held, JSON.parse(raised) as [string, string, string[]]) : held;
  }

  private begin(stop: PythonFunction): (raised: string) => void {
    let tell: (raised: string) => void = () => undefined;
    const end = new Promise<string>(resolve => (tell = resolve));
    this.waiting = { end, stop };
    return tell;
  }
}

function failed(
  held: readonly JupyterMessage[],
  [ename, evalue, traceback]: readonly [string, string, readonly string[]]
): JupyterMessage[] {
  const error = { ename, evalue, traceback };
  return held.flatMap(message => {
    const { header, content, parent_header } = message;
    if (header.msg_type !== 'execute_reply') {
      return [message];
    }
    const shown = newMessage(header.session, 'error', error, 'iopub', parent_header);
    const count = content['execution_count'] ?? null;
    return [shown, { ...message, content: { status: 'error', ...error, execution_count: count } }];
  });
}
