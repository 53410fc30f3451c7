/** What a page shows whose address asks for what the site does not have: nothing is opened until somebody chooses. */
import { choiceKey, choiceLabel, type Choice } from './config';
import { el } from './dom';
import { ProblemPanel } from './problems';

export class Chooser {
  readonly problems = new ProblemPanel();

  constructor(
    private readonly choices: readonly Choice[],
    private readonly unknown: string,
    private readonly root: HTMLElement
  ) {}

  mount(): void {
    this.problems.show({
      name: 'KernelUnknown',
      message: `the address asks for "${this.unknown}", which this site does not have`,
      file: null,
      hint: 'choose one of those below',
      fatal: true,
    });
    const title = el('div', { class: 'title' }, el('h1', {}, document.title));
    const status = el('span', { class: 'status', role: 'status', 'data-state': 'stopped' }, 'nothing is open');
    const list = el('ul', { class: 'choices', 'aria-label': 'Environments and kernels' });
    list.append(...this.choices.map(choice => el('li', {}, this.link(choice))));
    this.root.replaceChildren(el('header', {}, title, status), this.problems.element, list);
  }

  private link(choice: Choice): HTMLElement {
    return el('a', { href: `#${choiceKey(choice)}` }, choiceLabel(choice));
  }
}
