/** The outputs of one cell, as they come. */
import type { JupyterMessage } from '../protocol';
import { el } from './dom';
import { renderBundle, terminalText } from './mime';
import { applyControls, settleControls } from './terminal';

/** Outputs that later messages may change, by display id; shared by all cells of a kernel. */
export type Displays = Map<string, Set<HTMLElement>>;

/** Characters of one stream that are kept in the page; the rest of a flood is cut at its beginning. */
const STREAM_CHARACTERS = 400_000;
const PAINT_MS = 30;

interface Stream {
  readonly name: string;
  /** Without the controls that are settled; a `\r` at the end still acts on what comes. */
  text: string;
  readonly element: HTMLElement;
  timer: ReturnType<typeof setTimeout> | null;
}

export class OutputArea {
  readonly element = el('div', { class: 'outputs', 'aria-live': 'polite' });
  private stream: Stream | null = null;
  private clearNext = false;

  constructor(private readonly displays: Displays) {}

  take(message: JupyterMessage): void {
    const { content } = message;
    switch (message.header.msg_type) {
      case 'stream':
        this.write(String(content['name']), String(content['text']));
        break;
      case 'display_data':
      case 'execute_result':
        this.add(this.display(content));
        break;
      case 'update_display_data':
        this.update(content);
        break;
      case 'error':
        this.add(traceback(content));
        break;
      case 'clear_output':
        this.clearNext = content['wait'] === true;
        if (!this.clearNext) {
          this.clear();
        }
    }
  }

  /** Append something that is no output of the kernel, such as an input field. */
  add(element: HTMLElement): void {
    this.beforeOutput();
    this.stream = null;
    this.element.append(element);
  }

  /** Append what a reply's payload wants shown in a pager, such as the page of `name?`. */
  addPages(payload: unknown): void {
    for (const item of Array.isArray(payload) ? (payload as (Record<string, unknown> | null)[]) : []) {
      if (item?.['source'] === 'page' && item['data']) {
        this.add(el('div', { class: 'display page' }, bundle(item)));
      }
    }
  }

  private write(name: string, text: string): void {
    this.beforeOutput();
    if (this.stream?.name !== name) {
      this.stream = { name, text: '', element: el('div', { class: 'stream' }), timer: null };
      this.element.append(this.stream.element);
    }
    const whole = settleControls(this.stream.text + text);
    this.stream.text = whole.length > STREAM_CHARACTERS ? `…${whole.slice(-STREAM_CHARACTERS)}` : whole;
    this.paintSoon(this.stream);
  }

  /** A flood of small writes is painted some times a second, not at every write. */
  private paintSoon(stream: Stream): void {
    stream.timer ??= setTimeout(() => {
      stream.timer = null;
      stream.element.replaceChildren(terminalText(applyControls(stream.text), stream.name));
    }, PAINT_MS);
  }

  private display(content: Record<string, unknown>): HTMLElement {
    const element = el('div', { class: 'display' }, bundle(content));
    const id = displayId(content);
    if (id) {
      const shown = this.displays.get(id) ?? new Set();
      this.displays.set(id, shown.add(element));
    }
    return element;
  }

  private update(content: Record<string, unknown>): void {
    for (const element of this.displays.get(displayId(content) ?? '') ?? []) {
      element.replaceChildren(bundle(content));
    }
  }

  private beforeOutput(): void {
    if (this.clearNext) {
      this.clearNext = false;
      this.clear();
    }
  }

  private clear(): void {
    this.stream = null;
    this.element.replaceChildren();
  }
}

function bundle(content: Record<string, unknown>): HTMLElement {
  return renderBundle(
    (content['data'] ?? {}) as Record<string, unknown>,
    (content['metadata'] ?? {}) as Record<string, unknown>
  );
}

function displayId(content: Record<string, unknown>): string | null {
  const id = (content['transient'] as { display_id?: unknown } | undefined)?.display_id;
  return typeof id === 'string' ? id : null;
}

function traceback(content: Record<string, unknown>): HTMLElement {
  const lines = content['traceback'] as string[] | undefined;
  const text =
    lines && lines.length > 0 ? lines.join('\n') : `${String(content['ename'])}: ${String(content['evalue'])}`;
  return terminalText(text, 'traceback');
}
