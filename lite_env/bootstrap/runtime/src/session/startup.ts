/** Start-up code: a cell of nobody's, between the start of the kernel and the first cell of its user. */
import type { Booted, StartupCode } from '../boot';
import { BootError, describe } from '../errors';
import type { Answer } from '../family/runtime';
import { newId } from '../ids';
import { takeUnfinishedLine, type StreamName } from '../kernel/output';
import { newMessage } from '../message';
import type { Emit, JupyterMessage } from '../protocol';
import { emptyReply } from './stdin';

const COLOURS = /\x1b\[[0-9;]*[A-Za-z]/g;
const STREAMS = ['stdout', 'stderr'] as const;

export class Startup {
  private request: JupyterMessage | null = null;
  private isRunning = false;
  private hasAsked = false;
  private error: JupyterMessage | null = null;
  private reply: JupyterMessage | null = null;
  /** What it has put out, and no cell has shown yet. */
  private untold: JupyterMessage[] = [];

  constructor(private readonly emit: Emit) {}

  /**
   * Run the code of a kernel that has started, before anybody else is heard.
   *
   * @throws BootError `StartupFailed`: it failed.
   */
  async run(booted: Booted, code: StartupCode): Promise<void> {
    const { running, files } = booted;
    this.emit({ type: 'progress', phase: 'startup', file: code.file, loaded: 0, total: 0 });
    await booted.prepare(code.text);
    // Silent, so that the user's first cell is the first one that is counted.
    const how = { silent: true, store_history: false, user_expressions: {}, allow_stdin: false, stop_on_error: true };
    this.request = newMessage(newId(), 'execute_request', { code: running.program(code.path, code.text), ...how }, 'shell');
    this.isRunning = true;
    running.input(() => this.refuse());
    try {
      await running.handle(this.request);
    } catch (cause) {
      throw this.failed(booted, code, describe(new Error(running.explain(cause))), cause);
    } finally {
      STREAMS.forEach(name => this.print(name, takeUnfinishedLine(files, name)));
      this.isRunning = false;
    }
    if (this.hasAsked) {
      throw this.failed(booted, code, 'it asks for input, which nobody can give before the first cell');
    }
    const { status, ename, evalue } = { ...this.error?.content, ...this.reply?.content };
    if (status !== 'ok') {
      throw this.failed(booted, code, status === undefined ? 'the kernel did not answer' : `${ename}: ${evalue}`);
    }
  }

  /** Take what the kernel says of it; whether it is said of it. */
  takes(message: JupyterMessage): boolean {
    const id = this.request?.header.msg_id;
    if (!id || (message.parent_header?.['msg_id'] ?? (this.isRunning ? id : null)) !== id) {
      return false;
    }
    const { msg_type: type } = message.header;
    if (type === 'error') {
      this.error = message;
    } else if (type.endsWith('_reply')) {
      this.reply = message;
    } else if (!['status', 'execute_input', 'input_request'].includes(type)) {
      this.untold.push(message);
    }
    return true;
  }

  /** Take what a program writes past the kernel's own streams; whether it is the start-up code's. */
  print(name: StreamName, text: string): boolean {
    if (this.isRunning && this.request && text) {
      this.untold.push(newMessage('', 'stream', { name, text }, 'iopub', this.request.header));
    }
    return this.isRunning;
  }

  /** What is to be said in a cell that is about to begin, as if it were of it. */
  toldIn(cell: JupyterMessage): JupyterMessage[] {
    if (cell.header.msg_type !== 'execute_request' || cell.content['silent'] === true) {
      return [];
    }
    return this.untold.splice(0).map(message => ({
      ...message,
      header: { ...message.header, session: message.header.session || cell.header.session },
      parent_header: cell.header,
    }));
  }

  /** A question would wait for ever: it ends as if it had been interrupted. */
  private refuse(): Answer {
    this.hasAsked = true;
    return { reply: emptyReply(), interrupted: true };
  }

  private failed({ kernel }: Booted, { file }: StartupCode, reason: string, cause?: unknown): BootError {
    // Nobody has a cell in which it could be shown.
    const streams = this.untold.splice(0).filter(({ header }) => header.msg_type === 'stream');
    for (const name of STREAMS) {
      const text = streams.flatMap(({ content }) => (content['name'] === name ? [content['text']] : [])).join('');
      if (text.trim()) {
        this.emit({ type: 'log', level: name === 'stderr' ? 'warn' : 'info', text: text.trimEnd() });
      }
    }
    const traceback = linesOf(this.error?.content['traceback'] ?? this.reply?.content['traceback']);
    return new BootError('StartupFailed', `the start-up code of the kernel "${kernel.name}" failed: ${reason}`, {
      file,
      hint: 'mend the file in the package that brings the kernel, and pack the environment again',
      ...(traceback.length > 0 && { traceback }),
      cause,
    });
  }
}

/** A traceback, which some kernels send as one text, without colours. */
function linesOf(traceback: unknown): string[] {
  const texts = Array.isArray(traceback) ? traceback.map(String) : typeof traceback === 'string' ? [traceback] : [];
  return texts.flatMap(text => text.replace(COLOURS, '').split('\n')).filter(line => line.trim() !== '');
}
