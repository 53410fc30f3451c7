import type { Booted } from '../boot';
import { takeUnfinishedLine, type StreamName } from '../kernel/output';
import type { Emit, JupyterMessage, ToWorker } from '../protocol';
import { mayInstall, refused, type LoadInstaller } from './install';
import type { Interrupts } from './interrupts';
import { interrupted, sound, Voice, withBytes } from './said';

/** How often an interrupt is looked for while a cell's imports are fetched. */
const LOOK_MS = 50;

type Sent = Extract<ToWorker, { type: 'message' }>;

/**
 * Messages go to the kernel one after the other; a cell may await before the next begins. What the kernel says goes to
 * the host.
 */
export class Queue {
  private readonly voice = new Voice();
  private tail: Promise<void> = Promise.resolve();
  /** What the kernel is busy with: the cell to which belongs what it writes past its own streams. */
  private current: JupyterMessage | null = null;
  /** Whether the host was told a reply to it, and that it is over. */
  private replied = false;
  private idle = false;
  /** Cells that were answered in the kernel's name: what it says late of their end is not said again. */
  private readonly answered = new Set<unknown>();
  /** Replies to cells that the host has been sent. */
  private replies = 0;
  /** Cells that were sent by a host that had seen fewer replies are not run: one before them has failed. */
  private abortedBefore = 0;
  /** Of the last cell that the kernel replied to. */
  private count = 0;
  /** Descriptors whose lines are not ended. */
  private files: Booted['files'] = null;

  constructor(
    private readonly emit: Emit,
    private readonly interrupts: Interrupts,
    private readonly installer: LoadInstaller
  ) {}

  /** Resolves when nothing is left to do. */
  async done(): Promise<void> {
    for (let tail: Promise<void> | null = null; tail !== this.tail; ) {
      tail = this.tail;
      await tail;
    }
  }

  /** Do something once all that was asked for before is done. */
  add(task: () => void | Promise<void>): void {
    this.tail = this.tail.then(task);
  }

  /**
   * Give the kernel a message; resolves when it is done with, rejects when the kernel broke down over it. A host that
   * counts neither replies nor messages is taken for one that has seen all, and that never interrupts ahead.
   */
  async hand({ message, seen = Infinity, number = Infinity }: Sent, booted: Booted): Promise<void> {
    const isCell = message.header.msg_type === 'execute_request';
    this.current = message;
    this.replied = this.idle = false;
    this.files = booted.files;
    this.interrupts.begin(number, isCell);
    try {
      await (isCell ? this.handCell(message, seen, booted) : booted.running.handle(withBytes(message)));
      this.printUnfinishedLines();
    } finally {
      this.current = null;
    }
  }

  /** Take what the kernel says. */
  take(message: JupyterMessage): void {
    this.voice.heed(message);
    if (!endsCell(message) || !this.answered.has(message.parent_header?.['msg_id'])) {
      this.tell(sound(message));
    }
  }

  /**
   * What a program writes to a descriptor itself (C's `printf`, `os.write`) passes by the kernel's own streams, of which
   * it makes messages; it is an output of the cell all the same.
   */
  print(name: StreamName, text: string): void {
    if (this.current) {
      this.tell(this.voice.says(this.current, 'stream', { name, text }));
    }
  }

  private async handCell(cell: JupyterMessage, seen: number, booted: Booted): Promise<void> {
    if (seen < this.abortedBefore) {
      this.answer(cell, { status: 'aborted', execution_count: this.count });
      return;
    }
    let { code } = cell.content;
    if (typeof code === 'string') {
      try {
        code = await this.install(cell, code, booted);
      } catch (error) {
        if (!this.interrupts.came) {
          this.answer(cell, refused(error, this.count));
          return;
        }
      }
      await this.unlessInterrupted(booted.prepare(code as string));
    }
    if (this.interrupts.came) {
      // The kernel would take it for one that is not meant for the cell, and drop the request.
      this.answer(cell, interrupted('interrupted before the cell began', this.count));
      return;
    }
    await booted.running.handle(withBytes(code === cell.content['code'] ? cell : { ...cell, content: { ...cell.content, code } }));
    if (!this.replied) {
      // A client would wait for ever.
      this.answered.add(cell.header.msg_id);
      const evalue = 'the kernel dropped the request without an answer: it was interrupted outside the cell';
      this.tell(this.voice.says(cell, 'execute_reply', interrupted(evalue, this.count), 'shell'));
      if (!this.idle) {
        this.tell(this.voice.says(cell, 'status', { execution_state: 'idle' }));
      }
    }
  }

  /** Install what the cell's own lines ask for, before it begins; the code that is left of it. */
  private async install(cell: JupyterMessage, code: string, { installation }: Booted): Promise<string> {
    if (!mayInstall(code)) {
      return code;
    }
    this.tell(this.voice.says(cell, 'status', { execution_state: 'busy' }));
    const stop = new AbortController();
    const say = (name: StreamName, text: string) => this.print(name, text);
    const work = this.installer().then(it => it.run({ code, kernel: installation, say, signal: stop.signal }));
    await this.unlessInterrupted(
      work.catch(() => undefined), // Told by whoever awaits the work itself.
      () => stop.abort()
    );
    return work;
  }

  /** What comes first: the end of the work, or an interrupt. */
  private async unlessInterrupted(work: Promise<unknown>, stop?: () => void): Promise<void> {
    let timer: ReturnType<typeof setInterval> | undefined;
    const stopped = new Promise<void>(resolve => {
      timer = setInterval(() => this.interrupts.came && resolve(), LOOK_MS);
    });
    await Promise.race([work, stopped.then(stop)]).finally(() => clearInterval(timer));
  }

  private answer(cell: JupyterMessage, reply: Record<string, unknown>): void {
    this.voice.saysOfCell(cell, reply).forEach(message => this.tell(message));
  }

  private tell(message: JupyterMessage): void {
    const { header, content, parent_header } = message;
    const isIdle = content?.['execution_state'] === 'idle';
    const isReply = header.msg_type.endsWith('_reply');
    if (isIdle) {
      // Front ends do not listen for outputs of a cell that is over.
      this.printUnfinishedLines();
    }
    const current = this.current?.header.msg_id;
    if ((isIdle || isReply) && (parent_header?.['msg_id'] ?? current) === current) {
      this.idle ||= isIdle;
      this.replied ||= isReply;
      this.interrupts.end();
    }
    if (header.msg_type === 'execute_reply') {
      this.replies += 1;
      const { status, execution_count } = content;
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

function endsCell({ header, content }: JupyterMessage): boolean {
  return header.msg_type === 'execute_reply' || content?.['execution_state'] === 'idle';
}

/** Whether the cells that were queued behind this one shall not run when it fails; so it is where nothing is said. */
function stopsOnError({ content }: JupyterMessage): boolean {
  return content['stop_on_error'] !== false && content['silent'] !== true;
}
