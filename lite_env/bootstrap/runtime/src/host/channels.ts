import { describe } from '../errors';
import { INPUT_BYTES, answerInput, interruptInput } from '../kernel/input';
import { INTERRUPT_BYTES, requestInterrupt } from '../kernel/interrupt';
import type { FromWorker, SharedChannels, ToWorker } from '../protocol';
import type { HostCommand } from './envelope';

/** A worker as both platforms offer it. */
export interface WorkerPort {
  postMessage(envelope: ToWorker): void;
  terminate(): void;
}

/** Hands commands to a worker: by message while it listens, through shared memory while it is blocked. */
export class Relay {
  private readonly channels = createChannels();

  constructor(
    private readonly worker: WorkerPort,
    private readonly emit: (envelope: FromWorker) => void
  ) {}

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
    if (!this.channels || command.message.header.msg_type !== 'input_reply') {
      this.worker.postMessage(command);
      return;
    }
    try {
      answerInput(this.channels.input, command.message);
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
    requestInterrupt(this.channels.interrupt);
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
