import type { JupyterMessage } from '../../protocol';
import { soon } from '../../soon';

/** How long a reply is waited for when there is a reason to believe that none comes. */
const GRACE_MS = 1000;

/** What a kernel has said of the message that it was given last, by which is known when it is done with it. */
export class Progress {
  private request: JupyterMessage | null = null;
  private begun = false;
  private replied = false;
  private idle = false;
  private step: () => void = () => undefined;

  /** The kernel is given another message. */
  begin(request: JupyterMessage): void {
    this.request = request;
    this.begun = this.replied = this.idle = false;
  }

  /** Take note of what the kernel says. */
  note({ header, parent_header, content }: JupyterMessage): void {
    const request = this.request?.header.msg_id;
    if ((parent_header?.['msg_id'] ?? request) === request) {
      this.begun = true;
      this.replied ||= header.msg_type.endsWith('_reply');
      this.idle ||= content?.['execution_state'] === 'idle';
      this.step();
    }
  }

  /**
   * Wait until the kernel, which has returned, is done: most are by then, those that run cells asynchronously are when
   * they reply or are idle. Of what is no cell a kernel may know nothing and say nothing.
   *
   * An interrupt that hits the kernel's own code before or after a cell makes it return and never reply; so one that was
   * `interrupted` when it returned is not waited for long. One that comes later is the running cell's.
   */
  async done(interrupted: boolean): Promise<void> {
    if (!this.begun && this.request?.header.msg_type !== 'execute_request') {
      return;
    }
    while (!this.replied && !this.idle && !interrupted) {
      await this.next();
    }
    const deadline = performance.now() + GRACE_MS;
    for (let left = GRACE_MS; !this.replied && left > 0; left = deadline - performance.now()) {
      await soon(this.next(), left, () => undefined);
    }
  }

  private next(): Promise<void> {
    return new Promise(resolve => (this.step = resolve));
  }
}
