/** One cell of the console: what was run, what came of it, and the fields in which the program asks for input. */
import { el } from './dom';
import { OutputArea, type Displays } from './outputs';

export class Cell {
  private readonly label = el('span', { class: 'count', 'aria-hidden': 'true' }, '[*]');
  readonly outputs: OutputArea;
  readonly element: HTMLElement;

  constructor(code: string, displays: Displays) {
    this.outputs = new OutputArea(displays);
    this.element = el(
      'article',
      { class: 'cell running', 'aria-label': 'Cell' },
      this.label,
      el('pre', { class: 'code' }, code),
      this.outputs.element
    );
  }

  /** Show the number that the kernel gave. */
  ended(status: 'ok' | 'error' | 'lost', count: unknown): void {
    this.element.classList.replace('running', status);
    this.label.textContent = typeof count === 'number' && count > 0 ? `[${count}]` : '[ ]';
  }

  note(text: string): void {
    this.outputs.add(el('p', { class: 'note' }, text));
  }

  /**
   * Ask for a line in the place where the program has stopped; what was entered stays to be seen. Of a program that
   * asks again the question before is over, by an interrupt that it caught.
   */
  ask(prompt: string, password: boolean): Promise<string> {
    this.closeInputs();
    const input = el('input', {
      type: password ? 'password' : 'text',
      autocomplete: 'off',
      spellcheck: 'false',
      'aria-label': prompt.trim() || 'Input for the program',
    });
    const form = el('form', { class: 'ask' }, el('span', { class: 'prompt' }, prompt), input);
    this.outputs.add(form);
    input.focus();
    input.scrollIntoView({ block: 'nearest' });
    return new Promise(resolve => {
      form.addEventListener('submit', event => {
        event.preventDefault();
        const shown = password ? '•'.repeat(Math.min(input.value.length, 12)) : input.value;
        form.replaceWith(el('pre', { class: 'text answered' }, `${prompt}${shown}`));
        resolve(input.value);
      });
    });
  }

  /** Take away fields that nobody waits for any more. */
  closeInputs(): void {
    this.outputs.element.querySelectorAll('form.ask').forEach(form => form.remove());
  }
}
