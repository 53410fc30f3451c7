import type { Booted } from '../boot';
import { forgetInterrupt } from '../kernel/interrupt';
import { takeUnfinishedLine, type StreamName } from '../kernel/output';
import type { Emit, JupyterMessage } from '../protocol';

/** Messages go to the kernel one after the other, a cell may await before the next begins; what it says goes to the host. */
export class Queue {
  private tail: Promise<void> = Promise.resolve();
  /** Whether the kernel replied to the message it was given last. */
  private answered = false;
  /** What the kernel is busy with: the cell to which belongs what it writes past its own streams. */
  private current: JupyterMessage | null = null;
  private printed = 0;
  /** Descriptors whose lines are not ended. */
  private files: Booted['files'] = null;

  constructor(private readonly emit: Emit) {}

  /** Do something once all that was asked for before is done. */
  add(task: () => void | Promise<void>): void {
    this.tail = this.tail.then(task);
  }

  /** Give the kernel a message; resolves when it is done with, rejects when the kernel broke down over it. */
  async hand(message: JupyterMessage, booted: Booted, interrupt: SharedArrayBuffer | null): Promise<void> {
    const { running, prepare, files } = booted;
    const { code } = message.content;
    if (message.header.msg_type === 'execute_request' && typeof code === 'string') {
      await prepare(code);
    }
    if (interrupt) {
      forgetInterrupt(interrupt); // One that came when nothing ran is not for this cell.
    }
    this.answered = false;
    this.current = message;
    this.files = files;
    try {
      await running.handle(message);
      this.printUnfinishedLines();
      this.answerForSilentKernel(message);
    } finally {
      this.current = null;
    }
  }

  /** Take what the kernel says. */
  take(message: JupyterMessage): void {
    if (message.content?.['execution_state'] === 'idle') {
      // Front ends do not listen for outputs of a cell that is over.
      this.printUnfinishedLines();
    }
    this.answered ||= message.header.msg_type.endsWith('_reply');
    this.emit({ type: 'message', message });
  }

  /**
   * What a program writes to a descriptor itself (C's `printf`, `os.write`) passes by the kernel's own streams, of which
   * it makes messages; it is an output of the cell all the same.
   */
  print(name: StreamName, text: string): void {
    const cell = this.current;
    if (!cell) {
      return;
    }
    const msg_id = `${cell.header.msg_id}-print-${(this.printed += 1)}`;
    const message = {
      header: { ...cell.header, msg_id, msg_type: 'stream' },
      parent_header: cell.header,
      metadata: {},
      content: { name, text },
      channel: 'iopub',
      buffers: [],
    };
    this.emit({ type: 'message', message });
  }

  private printUnfinishedLines(): void {
    for (const name of ['stdout', 'stderr'] as const) {
      const text = takeUnfinishedLine(this.files, name);
      if (text) {
        this.print(name, text);
      }
    }
  }

  /**
   * An interrupt that hits the kernel's own code before or after a cell makes it drop the request without a reply;
   * a client would wait for ever.
   */
  private answerForSilentKernel(request: JupyterMessage): void {
    if (this.answered || request.header.msg_type !== 'execute_request') {
      return;
    }
    const evalue = 'the kernel dropped the request without an answer: it was interrupted outside the cell';
    const message = {
      header: { ...request.header, msg_id: `${request.header.msg_id}-reply`, msg_type: 'execute_reply' },
      parent_header: request.header,
      metadata: {},
      content: { status: 'error', ename: 'KeyboardInterrupt', evalue, traceback: [evalue], execution_count: 0 },
      channel: 'shell',
      buffers: [],
    };
    this.emit({ type: 'message', message });
  }
}
