/** The panel of everything that went wrong: what file, what reason, what to do. */
import type { Failure, FailureName } from '../errors';
import { button, el } from './dom';

/** Failures of the runtime, and what only a page knows. */
type ProblemName = FailureName | 'NoServiceWorker' | 'PolicyRefused';

export interface Problem {
  readonly name: ProblemName;
  readonly message: string;
  readonly file: string | null;
  readonly hint: string | null;
  readonly traceback?: readonly string[];
  /** Whether the kernel is gone; otherwise it is worth knowing, and things go on. */
  readonly fatal: boolean;
}

export interface Remedy {
  readonly label: string;
  readonly act: () => void;
}

/** A program may fail for ever, each time otherwise: so many are remembered, and of those that end nothing shown. */
const KEPT = 100;
const SHOWN = 20;

const TITLES: Readonly<Record<ProblemName, string>> = {
  Offline: 'No network',
  NetworkFailed: 'The server does not answer',
  FileMissing: 'A file is missing',
  HttpStatus: 'The server refuses a file',
  HtmlInsteadOfFile: 'A web page came in place of a file',
  Truncated: 'A file is incomplete',
  SizeMismatch: 'A file is not the one that was packed',
  HashMismatch: 'A file is not the one that was packed',
  Undecodable: 'A file cannot be decoded',
  NotWasm: 'The kernel is no WebAssembly',
  CompileFailed: 'The browser cannot compile the kernel',
  ManifestInvalid: 'The manifest cannot be read',
  UnsupportedFormat: 'The pack needs a newer runtime',
  KernelUnknown: 'There is no such kernel',
  AbiMismatch: 'The parts of the kernel do not fit',
  WorkerMismatch: 'The page knows another kernel than the pack has',
  OutOfMemory: 'Out of memory',
  InterpreterFailed: 'The interpreter did not start',
  StartupFailed: 'The start-up code failed',
  KernelFailed: 'The kernel has ended',
  Redeployed: 'A newer version was deployed',
  DriveFailed: 'The drive is not available',
  InputUnavailable: 'Input cannot be answered',
  InterruptUnavailable: 'The cell cannot be interrupted',
  StorageRefused: 'The browser keeps nothing of this site',
  NoServiceWorker: 'No service worker',
  PolicyRefused: 'The page’s policy forbids what it needs',
};

export function problemOf(failure: Failure, fatal: boolean): Problem {
  return { ...failure, fatal };
}

export class ProblemPanel {
  readonly element = el('section', { class: 'problems', 'aria-label': 'Problems', hidden: true });
  /** The last that were shown, in order; also for tests and scripts. */
  readonly all: Problem[] = [];

  /** Show a problem; the same one is not shown twice. */
  show(problem: Problem, remedies: readonly Remedy[] = []): void {
    // Of a new deployment every file is another one; to be told it once is enough.
    const file = problem.name === 'Redeployed' ? '' : `${problem.file ?? ''}\n${problem.message}`;
    const key = `${problem.name}\n${file}`;
    this.all.push(problem);
    this.all.splice(0, this.all.length - KEPT);
    const shown = [...this.element.children].find(child => (child as HTMLElement).dataset['key'] === key);
    if (shown) {
      const count = Number((shown as HTMLElement).dataset['count'] ?? '1') + 1;
      (shown as HTMLElement).dataset['count'] = String(count);
      shown.querySelector('.count')?.replaceChildren(`${count} times`);
      return;
    }
    [...this.element.querySelectorAll('.problem:not(.fatal)')].slice(0, -(SHOWN - 1)).forEach(card => card.remove());
    this.element.append(this.card(problem, remedies, key));
    this.element.hidden = false;
  }

  clear(): void {
    this.element.replaceChildren();
    this.element.hidden = true;
  }

  private card(problem: Problem, remedies: readonly Remedy[], key: string): HTMLElement {
    const card = el('article', {
      class: problem.fatal ? 'problem fatal' : 'problem',
      role: problem.fatal ? 'alert' : 'status',
      'data-name': problem.name,
      'data-key': key,
    });
    const facts = el('dl');
    const fact = (name: string, value: string | null, kind: string) =>
      value && facts.append(el('div', {}, el('dt', {}, name), el('dd', { class: kind }, value)));
    fact('File', problem.file, 'file');
    fact('Reason', problem.message, 'reason');
    fact('Traceback', problem.traceback?.join('\n') ?? null, 'traceback');
    fact('What to do', problem.hint, 'hint');
    const buttons = remedies.map(({ label, act }, at) => button(label, act, { class: at === 0 ? 'primary' : '' }));
    const close = button('×', () => this.remove(card), { class: 'close', 'aria-label': 'Dismiss' });
    card.append(
      el('h2', {}, TITLES[problem.name], ' ', el('small', { class: 'count' })),
      facts,
      el('div', { class: 'actions' }, ...buttons),
      close
    );
    return card;
  }

  private remove(card: HTMLElement): void {
    card.remove();
    this.element.hidden = this.element.children.length === 0;
  }
}
