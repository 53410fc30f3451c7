/** The console's input: several lines, history by the arrows, completion by Tab, help by Shift+Tab. */
import { codePoints, utf16Position } from './positions';
import { button, el } from './dom';
import type { History } from './history';
import { terminalText } from './mime';
import { soon } from '../soon';

type Content = Record<string, unknown>;
const INDENT = '    ';
const MOST_MATCHES = 200;
/** Milliseconds after which a kernel that does not say whether the code is complete is not waited for. */
const PATIENCE_MS = 600;

/** What the editor asks of the kernel. */
export interface EditorKernel {
  isComplete(code: string): Promise<Content>;
  complete(code: string, cursor: number): Promise<Content>;
  inspect(code: string, cursor: number): Promise<Content>;
  /** Whether it can answer now: it cannot while a cell runs. */
  isIdle(): boolean;
}

export interface EditorActions {
  run(code: string): void;
}

export class Editor {
  readonly input = el('textarea', {
    rows: '1',
    spellcheck: 'false',
    autocapitalize: 'off',
    autocomplete: 'off',
    'aria-label': 'Code',
    'aria-describedby': 'editor-keys',
    'aria-controls': 'matches',
    'aria-autocomplete': 'list',
    placeholder: 'Code',
  });
  private readonly matches = new MatchList(text => this.insert(text));
  private readonly help = el('div', { class: 'help', role: 'region', 'aria-label': 'Help', hidden: true });
  readonly element: HTMLElement;
  private range: readonly [number, number] = [0, 0];
  /** After Escape, Tab leaves the field as everywhere else. */
  private tabLeaves = false;

  constructor(
    private readonly kernel: EditorKernel,
    private readonly actions: EditorActions,
    private readonly history: History
  ) {
    const run = button('Run', () => this.run(), { class: 'run', title: 'Run (Enter)' });
    const keys = el('p', { id: 'editor-keys', class: 'keys' });
    keys.innerHTML =
      '<kbd>Enter</kbd> runs · <kbd>Shift</kbd>+<kbd>Enter</kbd> new line · <kbd>Tab</kbd> completes · ' +
      '<kbd>Shift</kbd>+<kbd>Tab</kbd> explains · <kbd>Esc</kbd>, then <kbd>Tab</kbd> leaves';
    this.element = el(
      'div',
      { class: 'editor' },
      el('div', { class: 'field' }, this.input, run, this.matches.element),
      this.help,
      keys
    );
    this.input.addEventListener('keydown', event => this.key(event));
    this.input.addEventListener('input', () => this.changed());
    this.input.addEventListener('blur', () => setTimeout(() => this.matches.close(), 150));
  }

  get isEmpty(): boolean {
    return this.input.value === '';
  }

  focus(): void {
    this.input.focus({ preventScroll: true });
  }

  /** Put code in the field, unless somebody has written there. */
  offer(code: string | null): void {
    if (code && this.isEmpty) {
      this.input.value = code;
      this.changed();
    }
  }

  private key(event: KeyboardEvent): void {
    if (event.isComposing) {
      return;
    }
    const handled = this.matches.isOpen ? this.matches.key(event) : false;
    if (handled || this.ownKey(event)) {
      event.preventDefault();
    }
  }

  /** Whether the key was one of the editor's own. */
  private ownKey(event: KeyboardEvent): boolean {
    const tabLeaves = this.tabLeaves;
    this.tabLeaves = false;
    switch (event.key) {
      case 'Enter':
        return this.enter(event);
      case 'Tab':
        return !tabLeaves && this.tab(event.shiftKey);
      case 'Escape':
        this.tabLeaves = true;
        this.closeHelp();
        return true;
      case 'ArrowUp':
        return !event.shiftKey && this.walk(!this.before().includes('\n'), () => this.history.back(this.input.value));
      case 'ArrowDown':
        return !event.shiftKey && this.walk(!this.after().includes('\n'), () => this.history.forward());
      default:
        return false;
    }
  }

  private enter(event: KeyboardEvent): boolean {
    if (event.shiftKey || event.altKey) {
      return false; // A new line, by the browser.
    }
    if (event.ctrlKey || event.metaKey) {
      this.run();
    } else {
      void this.runIfComplete();
    }
    return true;
  }

  private async runIfComplete(): Promise<void> {
    const code = this.input.value;
    if (this.after().trim() !== '') {
      this.insertLine(currentIndent(this.before()));
      return;
    }
    const verdict = await this.verdict(code);
    if (this.input.value !== code) {
      return; // Changed while the kernel thought.
    }
    if (verdict['status'] === 'incomplete') {
      this.insertLine(typeof verdict['indent'] === 'string' ? verdict['indent'] : currentIndent(code));
    } else {
      this.run();
    }
  }

  /** Whether the code is complete; a busy kernel gets it as it is and runs it later. */
  private async verdict(code: string): Promise<Content> {
    if (!this.kernel.isIdle() || code.trim() === '') {
      return {};
    }
    return soon(this.kernel.isComplete(code).catch(() => ({})), PATIENCE_MS, () => ({}));
  }

  private run(): void {
    const code = this.input.value.replace(/\s+$/, '');
    if (code === '') {
      return;
    }
    this.history.add(code);
    this.set('');
    this.closeHelp();
    this.actions.run(code);
  }

  private tab(shifted: boolean): boolean {
    if (shifted) {
      void this.explain();
      return true;
    }
    const line = this.before().slice(this.before().lastIndexOf('\n') + 1);
    if (line.trim() === '') {
      this.replace(this.input.selectionStart, this.input.selectionEnd, INDENT);
    } else {
      void this.complete();
    }
    return true;
  }

  private async complete(): Promise<void> {
    const code = this.input.value;
    const cursor = this.input.selectionStart;
    if (!this.kernel.isIdle()) {
      return;
    }
    const reply = await this.kernel.complete(code, codePoints(code.slice(0, cursor))).catch((): Content => ({}));
    if (this.input.value !== code || this.input.selectionStart !== cursor) {
      return;
    }
    const found = Array.isArray(reply['matches']) ? (reply['matches'] as string[]).slice(0, MOST_MATCHES) : [];
    const at = (key: string) => (typeof reply[key] === 'number' ? utf16Position(code, reply[key]) : cursor);
    this.range = [at('cursor_start'), at('cursor_end')];
    if (found.length === 1) {
      this.insert(found[0] as string);
    } else {
      this.matches.open(found);
    }
  }

  private async explain(): Promise<void> {
    if (!this.kernel.isIdle()) {
      return;
    }
    const reply = await this.kernel
      .inspect(this.input.value, codePoints(this.before()))
      .catch((): Content => ({ found: false }));
    const text = (reply['data'] as Record<string, unknown> | undefined)?.['text/plain'];
    const known = reply['found'] === true && typeof text === 'string';
    this.help.replaceChildren(
      button('×', () => this.closeHelp(), { 'aria-label': 'Close help', class: 'close' }),
      known ? terminalText(text) : el('p', { class: 'note' }, 'nothing is known about what stands at the cursor')
    );
    this.help.hidden = false;
    this.help.scrollIntoView({ block: 'nearest' });
  }

  private closeHelp(): void {
    this.help.hidden = true;
  }

  private walk(onEdge: boolean, step: () => string | null): boolean {
    const text = onEdge ? step() : null;
    if (text !== null) {
      this.set(text);
    }
    return text !== null;
  }

  private insert(text: string): void {
    this.replace(...this.range, text);
    this.matches.close();
    this.input.focus();
  }

  private insertLine(indent: string): void {
    this.replace(this.input.selectionStart, this.input.selectionEnd, `\n${indent}`);
  }

  private replace(from: number, to: number, text: string): void {
    this.input.setRangeText(text, from, to, 'end');
    this.changed();
  }

  private set(text: string): void {
    this.input.value = text;
    this.input.setSelectionRange(text.length, text.length);
    this.changed();
  }

  private changed(): void {
    this.matches.close();
    // As high as its lines; CSS sets the limit.
    this.input.style.height = 'auto';
    this.input.style.height = `${this.input.scrollHeight}px`;
  }

  private before(): string {
    return this.input.value.slice(0, this.input.selectionStart);
  }

  private after(): string {
    return this.input.value.slice(this.input.selectionEnd);
  }
}

function currentIndent(before: string): string {
  return /(?:^|\n)([ \t]*)[^\n]*$/.exec(before)?.[1] ?? '';
}

/** The list of completions below the input; the input keeps the focus. */
class MatchList {
  readonly element = el('ul', {
    id: 'matches',
    class: 'matches',
    role: 'listbox',
    'aria-label': 'Completions',
    hidden: true,
  });
  private at = 0;

  constructor(private readonly choose: (text: string) => void) {}

  get isOpen(): boolean {
    return !this.element.hidden;
  }

  open(matches: readonly string[]): void {
    this.element.replaceChildren(...matches.map(match => this.item(match)));
    this.element.hidden = matches.length === 0;
    this.element.scrollIntoView({ block: 'nearest' });
    this.select(0);
  }

  close(): void {
    this.element.hidden = true;
  }

  /** Whether the key was for the list. */
  key(event: KeyboardEvent): boolean {
    switch (event.key) {
      case 'ArrowDown':
        return this.select(this.at + 1);
      case 'ArrowUp':
        return this.select(this.at - 1);
      case 'Tab':
        return this.select(this.at + (event.shiftKey ? -1 : 1));
      case 'Enter':
        this.choose(this.element.children[this.at]?.textContent ?? '');
        return true;
      case 'Escape':
        this.close();
        return true;
      default:
        return false;
    }
  }

  private select(position: number): true {
    const items = [...this.element.children];
    this.at = items.length === 0 ? 0 : (position + items.length) % items.length;
    items.forEach((item, index) => item.setAttribute('aria-selected', String(index === this.at)));
    items[this.at]?.scrollIntoView({ block: 'nearest' });
    return true;
  }

  private item(match: string): HTMLElement {
    const item = el('li', { role: 'option' }, match);
    // Before the input loses the focus.
    item.addEventListener('mousedown', event => {
      event.preventDefault();
      this.choose(match);
    });
    return item;
  }
}
