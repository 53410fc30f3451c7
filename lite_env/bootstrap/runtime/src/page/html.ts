/**
 * What a cell shows as HTML stays inside its cell.
 *
 * Without scripts it lives in a shadow root: its styles end there and its ids are nobody else's, while it takes the
 * page's colours and font, is as high as it is, and costs no document. With scripts it gets a frame (frame.ts).
 */
import DOMPurify from 'dompurify';
import { el } from './dom';
import { framed } from './frame';

/** In a layer, so that whatever the output says of itself wins. */
const STYLE = `@layer page {
  *, ::before, ::after { box-sizing: border-box; }
  html, body { margin: 0; }
  a { color: var(--accent); }
  img { max-inline-size: 100%; block-size: auto; border-radius: 0.25rem; background: #fff; }
  svg { max-inline-size: 100%; }
  table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
  th, td { padding: 0.25rem 0.75rem; text-align: end; border: 0; }
  thead th { border-block-end: 1px solid var(--line); }
  tbody tr:nth-child(even) { background: var(--sunk); }
}`;
let sheet: CSSStyleSheet | null = null;

/** What would come out of the cell: the browser's top layer, and the focus that belongs to the input. */
const FORBIDDEN = ['popover', 'popovertarget', 'popovertargetaction', 'command', 'commandfor', 'autofocus', 'accesskey'];

export function htmlOutput(data: string): HTMLElement {
  return /<script\b/i.test(data) ? framed(data) : shadowed(data);
}

function shadowed(data: string): HTMLElement {
  const host = el('div');
  const root = host.attachShadow({ mode: 'open' });
  root.adoptedStyleSheets = [baseSheet()];
  const content = DOMPurify.sanitize(data, { FORCE_BODY: true, FORBID_ATTR: FORBIDDEN, RETURN_DOM_FRAGMENT: true });
  for (const style of content.querySelectorAll('style')) {
    style.textContent = style.textContent.replace(/:root\b/g, ':is(:root, html)');
  }
  for (const link of content.querySelectorAll('a, area')) {
    if (fragmentOf(link) === null) {
      // The page itself would be left, and with it the kernel.
      link.setAttribute('target', '_blank');
      link.setAttribute('rel', 'noopener noreferrer');
    }
  }
  // What is written for a document finds its elements.
  root.append(el('html', {}, el('body', {}, content)));
  root.addEventListener('click', event => follow(event, root));
  root.addEventListener('submit', event => event.preventDefault());
  // A box around the host, since rules for :host are the output's.
  return el('div', { class: 'html' }, host);
}

function baseSheet(): CSSStyleSheet {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
  }
  return sheet;
}

/** A link within the output leads there; the address names environment and kernel. */
function follow(event: Event, root: ShadowRoot): void {
  const link = (event.target as Element).closest('a, area');
  const fragment = link && fragmentOf(link);
  if (typeof fragment === 'string') {
    event.preventDefault();
    root.getElementById(fragment)?.scrollIntoView({ block: 'nearest' });
  }
}

function fragmentOf(link: Element): string | null {
  const href = link.getAttribute('href') ?? link.getAttribute('xlink:href');
  return href?.startsWith('#') ? href.slice(1) : null;
}
