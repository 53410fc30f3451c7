/** The console page put together: one kernel, its start, its cells, its problems. */
import type { Kernel, Progress } from '../embed/api';
import { describe, type Failure } from '../errors';
import type { Figures, JupyterMessage } from '../protocol';
import { Cell } from './cell';
import { choiceKey, choiceLabel, type Asked, type Choice, type PageConfig } from './config';
import { button, el } from './dom';
import { keepDraft } from './draft';
import { Editor } from './editor';
import { History } from './history';
import { startKernel } from './kernel';
import type { FilesPanel } from './files';
import { ProblemPanel, problemOf, type Problem } from './problems';
import { advance, NOTHING } from './progress';
import { StartView } from './start-view';
import type { Storage } from './storage';

export interface Executed {
  readonly status: 'ok' | 'error' | 'lost';
  /** Streams and plain texts of results, in order. */
  readonly text: string;
  readonly error: { readonly ename: string; readonly evalue: string } | null;
}

type State = 'starting' | 'idle' | 'busy' | 'stopped';
const STATES: Readonly<Record<State, string>> = {
  starting: 'starting',
  idle: 'ready',
  busy: 'busy',
  stopped: 'stopped',
};

const WORKER = 'worker.js';

declare global {
  /** Defined in index.html, for the page's own script as well; missing where a policy forbids scripts in it. */
  var liteEnvRenewed: ((file: string) => Promise<boolean>) | undefined;
}

/** So far below the window's edge the input may be and is still followed. */
const FOLLOW_PIXELS = 600;

export interface AppOptions {
  readonly config: PageConfig;
  readonly choices: readonly Choice[];
  readonly choice: Choice;
  readonly storage: Storage;
  /** The same, of this tab. */
  readonly tab: Storage;
  readonly token: string | null;
}

export class App {
  private kernel: Kernel | null = null;
  private starting: Promise<void> = Promise.resolve();
  private readonly running = new Set<Cell>();
  private cells = 0;
  private files: FilesPanel | null = null;
  private withDrive = true;
  readonly problems = new ProblemPanel();
  private readonly startView = new StartView();
  private readonly log = el('div', { class: 'cells' });
  private readonly status = el('span', { class: 'status', role: 'status' });
  private readonly interruptButton = button('Interrupt', () => this.interrupt(), { title: 'Interrupt (Ctrl-C)' });
  private readonly restartButton = button('Restart', () => void this.restart(), { title: 'Begin with a new kernel' });
  private readonly editor: Editor;
  private displays = new Map<string, Set<HTMLElement>>();

  constructor(
    private readonly options: AppOptions,
    private readonly root: HTMLElement
  ) {
    const { choice, storage } = options;
    this.editor = new Editor(
      {
        isComplete: code => this.ask('is_complete_request', { code }),
        complete: (code, cursor) => this.ask('complete_request', { code, cursor_pos: cursor }),
        inspect: (code, cursor) => this.ask('inspect_request', { code, cursor_pos: cursor, detail_level: 0 }),
        isIdle: () => this.kernel !== null && this.running.size === 0,
      },
      { run: code => void this.execute(code) },
      new History(storage, `lite-env history ${location.pathname} ${choice.environment.name}`)
    );
  }

  /** Lay out the page. */
  mount(files: FilesPanel | null): void {
    this.files = files;
    const { choices, choice } = this.options;
    const title = el('h1', {}, choice.environment.name);
    const header = el(
      'header',
      {},
      choices.length > 1 ? this.picker() : el('div', { class: 'title' }, title, kernelName(choice)),
      this.status,
      el('div', { class: 'actions' }, this.interruptButton, this.restartButton)
    );
    this.root.replaceChildren(header, this.problems.element, this.startView.element);
    this.root.append(...(files ? [files.element] : []), this.log, this.editor.element);
    const key = `lite-env draft ${location.pathname} ${choiceKey(choice)}`;
    this.editor.offer(keepDraft(this.options.tab, key, this.editor.input, globalThis));
    this.show('starting');
    document.addEventListener('keydown', event => this.controlC(event));
    // What comes below the fold is followed while somebody waits for it at the input.
    new ResizeObserver(() => this.running.size > 0 && this.follow()).observe(this.log);
  }

  /** Start the kernel; a failure is shown, with a button that tries again. */
  start(): Promise<void> {
    this.starting = this.startOnce(true);
    return this.starting;
  }

  /** What the kernel says of its start, when that is over; null where none runs. */
  async figures(): Promise<Figures | null> {
    await this.starting;
    return this.kernel?.figures() ?? null;
  }

  /** Run code as a cell of the page. */
  async execute(code: string): Promise<Executed> {
    const cell = new Cell(code, this.displays);
    this.cells += 1;
    this.running.add(cell);
    this.log.append(cell.element);
    const collected: string[] = [];
    try {
      await this.starting;
      if (!this.kernel) {
        throw new Error('there is no kernel');
      }
      this.show('busy');
      const reply = await this.kernel.execute(code, {
        onOutput: message => {
          collected.push(plainText(message));
          cell.outputs.take(message);
        },
        onInput: (prompt, password) => cell.ask(prompt, password),
      });
      return this.ended(cell, reply.content, collected.join(''));
    } catch (error) {
      cell.ended('lost', null);
      cell.note('not finished: the kernel has stopped');
      return { status: 'lost', text: collected.join(''), error: { ename: 'KernelLost', evalue: describe(error) } };
    } finally {
      cell.closeInputs();
      this.running.delete(cell);
      if (this.running.size === 0 && this.kernel) {
        this.show('idle');
        void this.files?.refresh();
      }
    }
  }

  /** Another deployment took the page over: reload, unless that would lose something. */
  offerReload(): void {
    if (this.cells === 0 && this.editor.isEmpty) {
      location.reload();
      return;
    }
    const reload = button('Reload', () => location.reload(), { class: 'primary' });
    this.root.prepend(
      el('aside', { class: 'notice', role: 'status' }, 'A new version of this page is ready. ', reload)
    );
  }

  /** Somebody wrote another address, or went back to one: open it, unless that would lose something. */
  addressChanged(asked: Asked | null): void {
    this.root.querySelector('.notice.elsewhere')?.remove();
    if (!asked || ('choice' in asked && asked.choice === this.options.choice)) {
      return;
    }
    if (this.cells === 0 && this.editor.isEmpty) {
      location.reload();
      return;
    }
    const text =
      'choice' in asked ? `The address is that of ${choiceLabel(asked.choice)}. ` : `There is no "${asked.unknown}". `;
    const label = 'choice' in asked ? 'Open it' : 'Choose another';
    const open = button(label, () => location.reload(), { class: 'primary' });
    this.root.prepend(el('aside', { class: 'notice elsewhere', role: 'status' }, text, open));
  }

  tell(problem: Problem): void {
    const retry = { label: 'Retry', act: () => void this.restart() };
    const without = { label: 'Start without /drive', act: () => void this.restartWithoutDrive() };
    const reload = { label: 'Reload', act: () => location.reload() };
    if (problem.name === 'Redeployed') {
      this.problems.show(problem, [reload]);
    } else {
      const remedies = problem.name === 'DriveFailed' ? [retry, without] : [retry];
      this.problems.show(problem, problem.fatal ? remedies : []);
    }
    if (problem.fatal) {
      this.show('stopped');
    }
  }

  /** `mayRenew`: a worker's script that the browser has wrongly is had from the server, and the start made once more. */
  private async startOnce(mayRenew: boolean): Promise<void> {
    const { config, choice, token } = this.options;
    let progress = NOTHING;
    this.show('starting');
    this.startView.begin();
    try {
      const kernel = await startKernel({
        config,
        choice,
        token,
        withDrive: this.withDrive,
        onProgress: (step: Progress) => {
          progress = advance(progress, step);
          this.startView.show(progress);
        },
      });
      kernel.onError((failure, fatal) => this.failed(failure, fatal));
      this.kernel = kernel;
      this.show(this.running.size > 0 ? 'busy' : 'idle');
      this.editor.focus();
      this.showFigures(kernel);
    } catch (error) {
      const isOfWorker = failureIn(error).file === WORKER;
      if (mayRenew && isOfWorker && (await globalThis.liteEnvRenewed?.(`${config.runtime}${WORKER}`))) {
        await this.startOnce(false);
        return;
      }
      this.startView.failed();
      this.tell(advised(problemOf(failureIn(error), true), this.problems.all));
    }
  }

  private showFigures(kernel: Kernel): void {
    kernel.figures().then(
      figures => this.startView.ready(figures),
      () => undefined // It ended, and whoever ended it says why.
    );
  }

  private failed(failure: Failure, fatal: boolean): void {
    if (failure.name === 'StorageRefused' && !isSecureContext) {
      return; // Said already, of the missing service worker: on such a page nothing can be kept.
    }
    if (fatal) {
      this.kernel?.dispose();
      this.kernel = null;
    }
    this.tell(problemOf(failure, fatal));
  }

  private async restart(): Promise<void> {
    this.problems.clear();
    this.kernel?.dispose();
    this.kernel = null;
    this.displays = new Map();
    if (this.cells > 0) {
      this.log.append(el('p', { class: 'divider' }, 'new kernel'));
    }
    await this.start();
  }

  /** Keep the input in sight, unless somebody reads further up. */
  private follow(): void {
    const { bottom } = this.editor.element.getBoundingClientRect();
    if (bottom - innerHeight < FOLLOW_PIXELS) {
      this.editor.element.scrollIntoView({ block: 'end' });
    }
  }

  private restartWithoutDrive(): Promise<void> {
    this.withDrive = false;
    return this.restart();
  }

  /** Ctrl-C interrupts where it would copy nothing, wherever the focus is. */
  private controlC(event: KeyboardEvent): void {
    const field = document.activeElement as { selectionStart?: number | null; selectionEnd?: number | null } | null;
    const selected = field?.selectionStart !== field?.selectionEnd || String(getSelection() ?? '') !== '';
    if (event.key === 'c' && event.ctrlKey && !event.metaKey && !selected && this.running.size > 0) {
      event.preventDefault();
      this.interrupt();
    }
  }

  private interrupt(): void {
    if (this.running.size === 0 || !this.kernel) {
      return;
    }
    try {
      this.kernel.interrupt();
      this.running.forEach(cell => cell.closeInputs()); // It ends a question, also where the program catches it.
    } catch (error) {
      this.tell(problemOf(failureIn(error), false));
    }
  }

  private ended(cell: Cell, content: Record<string, unknown>, text: string): Executed {
    const isOk = content['status'] === 'ok';
    cell.outputs.addPages(content['payload']);
    this.editor.offer(nextInput(content['payload']));
    cell.ended(isOk ? 'ok' : 'error', content['execution_count']);
    const error = isOk ? null : { ename: String(content['ename'] ?? ''), evalue: String(content['evalue'] ?? '') };
    return { status: isOk ? 'ok' : 'error', text, error };
  }

  private async ask(type: string, content: Record<string, unknown>): Promise<Record<string, unknown>> {
    return this.kernel ? (await this.kernel.request(type, content)).content : {};
  }

  private show(state: State): void {
    const canInterrupt = this.kernel?.canInterrupt ?? false;
    this.status.dataset['state'] = state;
    this.status.textContent = STATES[state];
    this.interruptButton.disabled = state !== 'busy' || !canInterrupt;
    const reason = crossOriginIsolated
      ? 'This kernel cannot be interrupted: restart it'
      : 'This page cannot interrupt: it is not cross-origin isolated';
    this.interruptButton.title = canInterrupt || !this.kernel ? 'Interrupt (Ctrl-C)' : reason;
    this.restartButton.disabled = state === 'starting';
  }

  /** A list of all kernels; another one is another page load, so that nothing of this one stays behind. */
  private picker(): HTMLElement {
    const { choices, choice } = this.options;
    const select = el(
      'select',
      { id: 'kernel' },
      ...choices.map(other => el('option', { value: choiceKey(other), selected: other === choice }, choiceLabel(other)))
    );
    select.addEventListener('change', () => {
      location.hash = select.value;
      location.reload();
    });
    return el('div', { class: 'title' }, el('label', { for: 'kernel', class: 'sr' }, 'Environment and kernel'), select);
  }
}

function kernelName({ kernel }: Choice): HTMLElement {
  return el('span', { class: 'kernel' }, kernel?.display_name ?? '');
}

/** What to do about a failed start where the page's policy has refused something, in place of what usually helps. */
function advised(problem: Problem, told: readonly Problem[]): Problem {
  const policy = told.find(other => other.name === 'PolicyRefused' && /(script|worker|connect)-src$/.test(other.message));
  return policy ? { ...problem, hint: `${policy.message}: ${policy.hint}` } : problem;
}

/** The failure that an error stands for. */
function failureIn(error: unknown): Failure {
  const failure = (error as { failure?: Failure } | null)?.failure;
  return failure ?? { name: 'KernelFailed', message: describe(error), file: null, hint: null };
}

/** The code that a reply's payload wants to be entered next, such as that of `%load` and `%recall`. */
function nextInput(payload: unknown): string | null {
  const items = Array.isArray(payload) ? (payload as (Record<string, unknown> | null)[]) : [];
  const text = items.findLast(item => item?.['source'] === 'set_next_input')?.['text'];
  return typeof text === 'string' ? text : null;
}

/** What a terminal would show of an output. */
function plainText({ header, content }: JupyterMessage): string {
  if (header.msg_type === 'stream') {
    return String(content['text']);
  }
  const data = content['data'] as Record<string, unknown> | undefined;
  const text = data?.['text/plain'];
  return (header.msg_type === 'execute_result' || header.msg_type === 'display_data') && typeof text === 'string'
    ? `${text}\n`
    : '';
}
