import { forgetInterrupt, forgetInterruptBefore, takeSignal, wasInterrupted } from '../kernel/interrupt';

/** Which message an interrupt is for: the one that the kernel has, or else the next cell that was sent before it. */
export class Interrupts {
  private memory: SharedArrayBuffer | null = null;
  /** Whether one that comes is for the message that the kernel has. */
  private open = false;

  /** Memory that the host shares with this worker, where it does. */
  share(memory: SharedArrayBuffer | null): void {
    this.memory = memory;
  }

  /** Whether there was one. */
  get came(): boolean {
    return this.memory !== null && wasInterrupted(this.memory);
  }

  /** The kernel is about to get message `number` of the host. */
  begin(number: number, isCell: boolean): void {
    if (!this.memory) {
      return;
    }
    forgetInterruptBefore(this.memory, number);
    if (!isCell) {
      takeSignal(this.memory); // A kernel that is interrupted before it begins drops the message.
    }
    this.open = isCell || !this.came;
  }

  /** The message is about to be answered: what came until now was for it, what comes from now on is not. */
  end(): void {
    if (this.memory && this.open) {
      forgetInterrupt(this.memory);
    }
    this.open = false;
  }
}
