import type { Progress } from '../embed/api';
import type { Failure } from '../errors';
import { linesOf } from './answers';
import type { Feedback, LiteKernel } from './kernel';

/** Tells the browser's console, which every application has. */
export class ConsoleFeedback implements Feedback {
  progress(_kernel: LiteKernel, _step: Progress): void {}

  started(_kernel: LiteKernel): void {}

  failed(kernel: LiteKernel, failure: Failure): void {
    this.log(kernel, 'error', linesOf(failure).join('\n'));
  }

  log({ name }: LiteKernel, level: 'info' | 'warn' | 'error', text: string): void {
    console[level](`${name}: ${text}`);
  }
}
