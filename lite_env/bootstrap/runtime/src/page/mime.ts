/** Shows a Jupyter MIME bundle: its richest form that a small page can show. */
import { toBase64 } from '../base64';
import { el } from './dom';
import { htmlOutput } from './html';
import { ansiToHtml } from './terminal';

type Render = (data: string, metadata: Readonly<Record<string, unknown>>) => HTMLElement;

const RENDERERS: readonly (readonly [string, Render])[] = [
  ['text/html', htmlOutput],
  ['image/svg+xml', (data, metadata) => image(`data:image/svg+xml;base64,${toBase64(new TextEncoder().encode(data))}`, metadata)],
  ['image/png', (data, metadata) => image(`data:image/png;base64,${data.trim()}`, metadata)],
  ['image/jpeg', (data, metadata) => image(`data:image/jpeg;base64,${data.trim()}`, metadata)],
  ['image/gif', (data, metadata) => image(`data:image/gif;base64,${data.trim()}`, metadata)],
  ['text/latex', plain],
  ['text/markdown', plain],
  ['text/plain', plain],
  ['application/json', plain],
];

export function renderBundle(data: Readonly<Record<string, unknown>>, metadata: Readonly<Record<string, unknown>>) {
  for (const [type, render] of RENDERERS) {
    const value = data[type];
    if (value !== undefined && value !== null) {
      const element = render(asText(value), (metadata[type] ?? {}) as Record<string, unknown>);
      element.dataset['mime'] = type;
      return element;
    }
  }
  return el(
    'p',
    { class: 'note' },
    `this page cannot show ${Object.keys(data).sort().join(', ') || 'an empty output'}`
  );
}

/** Text of a terminal in a `pre`. */
export function terminalText(text: string, kind = ''): HTMLElement {
  const element = el('pre', { class: `text ${kind}`.trim() });
  element.innerHTML = ansiToHtml(text);
  return element;
}

/** Notebook formats split texts in lines; JSON stays an object. */
function asText(value: unknown): string {
  if (typeof value === 'string') {
    return value;
  }
  return Array.isArray(value) && value.every(line => typeof line === 'string')
    ? value.join('')
    : JSON.stringify(value, null, 2);
}

function plain(data: string): HTMLElement {
  return terminalText(data);
}

/** As an image: what an SVG carries of scripts does not run. */
function image(source: string, metadata: Readonly<Record<string, unknown>>): HTMLElement {
  const size = (key: string) => (typeof metadata[key] === 'number' ? String(metadata[key]) : null);
  return el('img', { src: source, alt: 'output of the cell', width: size('width'), height: size('height') });
}
