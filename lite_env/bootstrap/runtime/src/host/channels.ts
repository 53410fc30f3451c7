import { describe } from '../errors';
import { INPUT_BYTES, answerInput, interruptInput } from '../kernel/input';
import { INTERRUPT_BYTES, requestInterrupt } from '../kernel/interrupt';
import { isFetch, type Send } from '../network/channel';
import { FetchDesk } from '../network/desk';
import type { FromWorker, JupyterMessage, SharedChannels, ToWorker } from '../protocol';
import type { HostCommand } from './envelope';
import { OpenQuestion } from './question';

/** A worker as both platforms offer it. */
export interface WorkerPort {
  postMessage(envelope: ToWorker): void;
  terminate(): void;
}

/** Hands commands to a worker: by message while it listens, through shared memory while it is blocked. */
export class Relay {
  private readonly channels = createChannels();
  private readonly question = new OpenQuestion();
  /** Replies to cells. */
  private seen = 0;
  /** Messages. */
  private sent = 0;
  private readonly desk: FetchDesk;

  /** `send` sends the kernel's requests; `carry` takes answers to a blocked worker where no memory is shared with it; whether it can. */
  constructor(
    private readonly worker: WorkerPort,
    private readonly emit: (envelope: FromWorker) => void,
    send: Send,
    private readonly carry: (reply: JupyterMessage) => boolean = () => false
  ) {
    this.desk = new FetchDesk(send);
  }

  /** To be told of everything that the worker says, before anybody can answer it; whether it was for the relay alone. */
  note(envelope: FromWorker): boolean {
    if (isFetch(envelope)) {
      this.desk.take(envelope);
      return true;
    }
    this.question.note(envelope);
    if (envelope.type === 'message' && envelope.message.header.msg_type === 'execute_reply') {
      this.seen += 1;
    }
    return false;
  }

  /** The worker has ended. */
  end(): void {
    this.desk.close();
  }

  obey(command: HostCommand): void {
    switch (command.type) {
      case 'close':
        this.worker.terminate();
        break;
      case 'interrupt':
        this.interrupt();
        break;
      case 'start':
        this.worker.postMessage({ ...command, shared: this.channels });
        break;
      case 'message':
        this.message(command);
        break;
      case 'link':
      case 'figures':
      case 'trace':
      case 'read':
        this.worker.postMessage(command);
        break;
      default:
        this.complain(`unknown command ${JSON.stringify(command)}`);
    }
  }

  private message(command: Extract<ToWorker, { type: 'message' }>): void {
    if (command.message.header.msg_type !== 'input_reply') {
      this.sent += 1;
      this.worker.postMessage({ ...command, seen: this.seen, number: this.sent });
      return;
    }
    const reply = this.question.claim(command.message);
    if (!reply) {
      this.complain('an answer was dropped: the kernel does not wait for it (any more)');
    } else if (this.channels) {
      this.answer(this.channels, reply);
    } else if (!this.carry(reply)) {
      this.worker.postMessage({ ...command, message: reply });
    }
  }

  private answer({ input }: SharedChannels, reply: JupyterMessage): void {
    try {
      answerInput(input, reply);
    } catch (error) {
      // The kernel is blocked until it has an answer, and this one cannot be given.
      this.complain(describe(error));
      this.interrupt();
    }
  }

  private interrupt(): void {
    if (!this.channels) {
      this.complain('the kernel cannot be interrupted: the page is not cross-origin isolated');
      return;
    }
    requestInterrupt(this.channels.interrupt, this.sent);
    this.question.close();
    interruptInput(this.channels.input);
  }

  private complain(text: string): void {
    this.emit({ type: 'log', level: 'error', text });
  }
}

/** Memory shared with a worker, or null where the platform gives none (a page that is not cross-origin isolated). */
function createChannels(): SharedChannels | null {
  if (typeof SharedArrayBuffer === 'undefined') {
    return null;
  }
  return { interrupt: new SharedArrayBuffer(INTERRUPT_BYTES), input: new SharedArrayBuffer(INPUT_BYTES) };
}
