import type { Booted } from '../boot';
import { forgetInterrupt, wasInterrupted } from '../kernel/interrupt';
import { takeUnfinishedLine, type StreamName } from '../kernel/output';
import type { Emit, JupyterMessage } from '../protocol';
import { interrupted, said, saidOfCell, sound, withBytes } from './said';

/** How long a reply is waited for when there is a reason to believe that none comes. */
const GRACE_MS = 1000;
/** How often an interrupt is looked for while a cell's imports are fetched. */
const LOOK_MS = 50;

/** What a kernel has said so far of the message that it was given last. */
interface Progress {
  replied: boolean;
  idle: boolean;
  /** Told of each step. */
  step: () => void;
}

/**
 * Messages go to the kernel one after the other; a cell may await before the next begins. What the kernel says goes to
 * the host.
 */
export class Queue {
  private tail: Promise<void> = Promise.resolve();
  /** What the kernel is busy with: the cell to which belongs what it writes past its own streams. */
  private current: JupyterMessage | null = null;
  private progress: Progress = begun();
  /** Replies to cells that the host has been sent. */
  private replies = 0;
  /** Cells that were sent by a host that had seen fewer replies are not run: one before them has failed. */
  private abortedBefore = 0;
  /** Of the last cell that the kernel replied to. */
  private count = 0;
  /** Descriptors whose lines are not ended. */
  private files: Booted['files'] = null;

  constructor(private readonly emit: Emit) {}

  /** Do something once all that was asked for before is done. */
  add(task: () => void | Promise<void>): void {
    this.tail = this.tail.then(task);
  }

  /**
   * Give the kernel a message; resolves when it is done with, rejects when the kernel broke down over it. `seen` is how
   * many replies to cells the host had seen when it sent it.
   */
  async hand(message: JupyterMessage, seen: number, booted: Booted, interrupt: SharedArrayBuffer | null) {
    this.current = message;
    this.progress = begun();
    this.files = booted.files;
    if (interrupt) {
      forgetInterrupt(interrupt); // One that came when nothing ran is not for this cell.
    }
    try {
      await (message.header.msg_type === 'execute_request'
        ? this.handCell(message, seen, booted, interrupt)
        : booted.running.handle(withBytes(message)));
      this.printUnfinishedLines();
    } finally {
      this.current = null;
    }
  }

  /** Take what the kernel says. */
  take(message: JupyterMessage): void {
    const parent = message.parent_header?.['msg_id'] ?? this.current?.header.msg_id;
    const isOfCurrent = parent === this.current?.header.msg_id;
    const isIdle = message.content?.['execution_state'] === 'idle';
    if (isIdle) {
      // Front ends do not listen for outputs of a cell that is over.
      this.printUnfinishedLines();
    }
    this.tell(sound(message));
    if (isOfCurrent) {
      this.progress.idle ||= isIdle;
      this.progress.replied ||= message.header.msg_type.endsWith('_reply');
      this.progress.step();
    }
  }

  /**
   * What a program writes to a descriptor itself (C's `printf`, `os.write`) passes by the kernel's own streams, of which
   * it makes messages; it is an output of the cell all the same.
   */
  print(name: StreamName, text: string): void {
    if (this.current) {
      this.tell(said(this.current, 'stream', { name, text }));
    }
  }

  private async handCell(cell: JupyterMessage, seen: number, booted: Booted, interrupt: SharedArrayBuffer | null) {
    if (seen < this.abortedBefore) {
      this.answer(cell, { status: 'aborted', execution_count: this.count });
      return;
    }
    const { code } = cell.content;
    if (typeof code === 'string') {
      await unlessInterrupted(booted.prepare(code), interrupt);
    }
    if (interrupt && wasInterrupted(interrupt)) {
      // The kernel would take it for one that is not meant for the cell, and drop the request.
      forgetInterrupt(interrupt);
      this.answer(cell, interrupted('interrupted before the cell began', this.count));
      return;
    }
    await booted.running.handle(withBytes(cell));
    this.printUnfinishedLines();
    await this.reply(cell, interrupt);
  }

  /**
   * Wait for the kernel's reply to a cell: one that runs cells asynchronously has not replied when it returns.
   *
   * An interrupt that hits the kernel's own code before or after a cell makes it drop the request without a reply; a
   * client would wait for ever, so then it is answered in the kernel's name.
   */
  private async reply(cell: JupyterMessage, interrupt: SharedArrayBuffer | null): Promise<void> {
    const { progress } = this;
    const step = () => new Promise<void>(resolve => (progress.step = resolve));
    const isDropped = () => progress.idle || (interrupt !== null && wasInterrupted(interrupt));
    while (!progress.replied && !isDropped()) {
      await step();
    }
    const deadline = performance.now() + GRACE_MS;
    for (let left = GRACE_MS; !progress.replied && left > 0; left = deadline - performance.now()) {
      await within(step(), left);
    }
    if (!progress.replied) {
      const evalue = 'the kernel dropped the request without an answer: it was interrupted outside the cell';
      this.tell(said(cell, 'execute_reply', interrupted(evalue, this.count), 'shell'));
      if (!progress.idle) {
        this.tell(said(cell, 'status', { execution_state: 'idle' }));
      }
    }
  }

  private answer(cell: JupyterMessage, reply: Record<string, unknown>): void {
    saidOfCell(cell, reply).forEach(message => this.tell(message));
  }

  private tell(message: JupyterMessage): void {
    if (message.header.msg_type === 'execute_reply') {
      this.replies += 1;
      const { status, execution_count } = message.content;
      this.count = typeof execution_count === 'number' ? execution_count : this.count;
      if (status === 'error' && this.current && stopsOnError(this.current)) {
        this.abortedBefore = this.replies;
      }
    }
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
}

function begun(): Progress {
  return { replied: false, idle: false, step: () => undefined };
}

/** Whether the cells that were queued behind this one shall not run when it fails; so it is where nothing is said. */
function stopsOnError({ content }: JupyterMessage): boolean {
  return content['stop_on_error'] !== false && content['silent'] !== true;
}

/** What comes first: the end of the work, or an interrupt. */
async function unlessInterrupted(work: Promise<unknown>, interrupt: SharedArrayBuffer | null): Promise<void> {
  let timer: ReturnType<typeof setInterval> | undefined;
  const stopped = new Promise<void>(resolve => {
    if (interrupt) {
      timer = setInterval(() => wasInterrupted(interrupt) && resolve(), LOOK_MS);
    }
  });
  await Promise.race([work, stopped]).finally(() => clearInterval(timer));
}

/** Wait for something, but not longer than that. */
async function within(something: Promise<void>, ms: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>(resolve => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([something, late]).finally(() => clearTimeout(timer));
}
