/** The start as people see it: one bar of all bytes, a line per file, phase and seconds; one line when it is over. */
import type { Figures } from '../protocol';
import { bytesText, el } from './dom';
import { phaseText, type StartProgress } from './progress';

export class StartView {
  private readonly bar = el('progress', { max: '1', 'aria-label': 'Bytes loaded' });
  private readonly line = el('span', { class: 'line' });
  private readonly files = el('ul', { class: 'files' });
  private readonly details = el('details', { open: true }, el('summary', {}, this.line), this.files);
  readonly element = el('section', { class: 'start', 'aria-label': 'Start of the kernel' }, this.bar, this.details);
  private readonly rows = new Map<string, { row: HTMLElement; bar: HTMLElement; bytes: HTMLElement }>();
  private progress: StartProgress | null = null;
  private figures: Figures | null = null;
  private loadedAtReady = 0;
  private timer: ReturnType<typeof setInterval> | undefined;
  private began = performance.now();

  /** Begin anew. */
  begin(): void {
    this.began = performance.now();
    this.rows.clear();
    this.files.replaceChildren();
    this.element.className = 'start';
    this.bar.hidden = false;
    this.bar.removeAttribute('value');
    this.details.open = true;
    this.progress = null;
    this.figures = null;
    this.tick();
    clearInterval(this.timer);
    this.timer = setInterval(() => this.tick(), 100);
  }

  show(progress: StartProgress): void {
    this.progress = progress;
    for (const { file, label, loaded, total } of progress.files) {
      const { row, bar, bytes } = this.rowOf(file, label);
      const share = total > 0 ? Math.min(1, loaded / total) : 0;
      row.classList.toggle('done', share === 1);
      bar.style.inlineSize = `${share * 100}%`;
      bytes.textContent = share === 1 ? bytesText(total) : `${bytesText(loaded)} of ${bytesText(total)}`;
    }
    if (progress.total > 0) {
      this.bar.value = progress.loaded / progress.total;
    }
    this.figures ? this.sayReady(this.figures) : this.tick();
  }

  /** Collapse into one line; what is loaded later, when the program needs it, is added to it. */
  ready(figures: Figures): void {
    this.end('ready');
    this.figures = figures;
    this.loadedAtReady = this.progress?.loaded ?? 0;
    this.sayReady(figures);
    this.details.open = false;
  }

  failed(): void {
    this.end('failed');
    this.line.textContent = `Stopped after ${this.seconds()} s · ${bytesText(this.progress?.loaded ?? 0)} loaded`;
  }

  private end(state: string): void {
    clearInterval(this.timer);
    this.bar.hidden = true;
    this.element.classList.add(state);
  }

  private sayReady({ requests, bytes, seconds }: Figures): void {
    const later = (this.progress?.loaded ?? 0) - this.loadedAtReady;
    const more = later > 0 ? ` · ${bytesText(later)} since` : '';
    this.line.textContent = `Ready after ${seconds.toFixed(1)} s · ${bytesText(bytes)} in ${requests} files${more}`;
  }

  private tick(): void {
    const { phase, loaded, total } = this.progress ?? { phase: 'manifest' as const, loaded: 0, total: 0 };
    const bytes = total > 0 ? `${bytesText(loaded)} of ${bytesText(total)} · ` : '';
    this.line.textContent = `${bytes}${phaseText(phase)} · ${this.seconds()} s`;
  }

  private seconds(): string {
    return ((performance.now() - this.began) / 1000).toFixed(1);
  }

  private rowOf(file: string, label: string) {
    let found = this.rows.get(file);
    if (!found) {
      const bar = el('span', { class: 'fill' });
      const bytes = el('span', { class: 'bytes' });
      const track = el('span', { class: 'track', 'aria-hidden': 'true' }, bar);
      const row = el('li', { title: file }, el('span', { class: 'name' }, label), track, bytes);
      found = { row, bar, bytes };
      this.rows.set(file, found);
      this.files.append(row);
    }
    return found;
  }
}
