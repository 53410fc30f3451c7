import type { Failure } from '../errors';
import { linesOf, summaryOf } from './answers';
import type { App, LoggerRegistry, StatusBar } from './host-types';
import type { Feedback, LiteKernel } from './kernel';
import type { Modules } from './modules';
import { restart } from './restart';
import type { LiteNote } from './site';

type Level = 'info' | 'warn' | 'error';

/** Tells a visitor of kernels, by what the application has: dialogs, log console, status bar, and the browser's console. */
export class PageFeedback implements Feedback {
  private readonly starts = new Map<LiteKernel, string>();
  private readonly item: { node: HTMLElement } | null;

  constructor(
    private readonly app: App,
    private readonly modules: Modules,
    private readonly loggers: LoggerRegistry | null,
    bar: StatusBar | null,
    private readonly notes: readonly LiteNote[]
  ) {
    const Widget = modules.widgets?.Widget;
    this.item = bar && Widget ? new Widget({ node: document.createElement('span') }) : null;
    if (bar && this.item) {
      this.item.node.hidden = true;
      bar.registerStatusItem('@lite-env/kernels:start', { item: this.item, align: 'left', rank: 100 });
    }
    notes.forEach(({ level, text }) => console[level === 'info' ? 'info' : 'warn'](`lite-env: ${text}`));
  }

  get hasStatusBar(): boolean {
    return this.item !== null;
  }

  began(kernel: LiteKernel): void {
    this.progress(kernel, `${kernel.plan.display_name} is loaded`);
    this.notes.forEach(({ level, text }) => this.tell(kernel, level === 'info' ? 'info' : 'warn', text));
  }

  progress(kernel: LiteKernel, text: string): void {
    this.starts.set(kernel, text);
    this.show();
  }

  ended(kernel: LiteKernel): void {
    this.starts.delete(kernel);
    this.show();
  }

  failed(kernel: LiteKernel, failure: Failure, isSaid: boolean): void {
    this.ended(kernel);
    this.log(kernel, 'error', linesOf(failure).join('\n'));
    if (!isSaid) {
      void this.ask(kernel, `${kernel.plan.display_name} does not run`, summaryOf(failure).map(sentence).join(' '));
    }
  }

  /** Ask whether to restart the kernel, and do so. */
  async ask(kernel: LiteKernel, title: string, body: string): Promise<void> {
    const { Dialog, showDialog } = this.modules.lab ?? {};
    if (!Dialog || !showDialog || kernel.isDisposed) {
      return; // Told in the console.
    }
    const buttons = [Dialog.cancelButton({ label: 'Close' }), Dialog.warnButton({ label: 'Restart the kernel' })];
    const { button } = await showDialog({ title, body, buttons });
    if (button.accept && !kernel.isDisposed) {
      await restart(this.app, kernel.id);
    }
  }

  log(kernel: LiteKernel, level: Level, text: string): void {
    console[level](`${kernel.name}: ${text}`);
    this.tell(kernel, level, text);
  }

  /** In the log console, which has a page for each notebook. */
  private tell({ id }: LiteKernel, level: Level, text: string): void {
    const path = [...this.app.serviceManager.sessions.running()].find(({ kernel }) => kernel?.id === id)?.path;
    if (this.loggers && path !== undefined) {
      const logged = level === 'warn' ? 'warning' : level;
      this.loggers.getLogger(path).log({ type: 'text', level: logged, data: `lite-env: ${text}` });
    }
  }

  private show(): void {
    if (this.item) {
      const { node } = this.item;
      node.textContent = [...this.starts.values()].join(' · ');
      node.hidden = this.starts.size === 0;
    }
  }
}

/** Dialogs have no lines. */
function sentence(line: string): string {
  return `${line[0]?.toUpperCase() ?? ''}${line.slice(1)}${line.endsWith('.') ? '' : '.'}`;
}
