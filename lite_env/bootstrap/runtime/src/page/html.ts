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
  cell-html, cell-body { display: block; }
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
  const content = DOMPurify.sanitize(data, { FORCE_BODY: true, FORBID_ATTR: FORBIDDEN, RETURN_DOM_FRAGMENT: true });
  root.adoptedStyleSheets = [baseSheet(), ...ownSheets(content)];
  for (const link of content.querySelectorAll('a, area')) {
    if (fragmentOf(link) === null) {
      // The page itself would be left, and with it the kernel.
      link.setAttribute('target', '_blank');
      link.setAttribute('rel', 'noopener noreferrer');
    }
  }
  const [html, body] = [document.createElement('cell-html'), document.createElement('cell-body')];
  body.append(content);
  html.append(body);
  root.append(html);
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

/** The styles that an output brings, for the document that it takes itself for: its `html` is our element. */
function ownSheets(content: DocumentFragment): CSSStyleSheet[] {
  return [...content.querySelectorAll('style')].map(style => {
    const own = new CSSStyleSheet({ media: style.media });
    own.replaceSync(style.textContent);
    scope(own.cssRules);
    style.remove();
    return own;
  });
}

function scope(rules: CSSRuleList): void {
  for (const rule of rules) {
    if (rule instanceof CSSStyleRule) {
      rule.selectorText = rule.selectorText
        .replace(/(^|[\s,>+~(])(html|body)(?![\w-])/g, '$1cell-$2')
        .replace(/:root(?![\w-])/g, ':is(:root, cell-html)');
    }
    if ('cssRules' in rule) {
      scope(rule.cssRules as CSSRuleList);
    }
  }
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
