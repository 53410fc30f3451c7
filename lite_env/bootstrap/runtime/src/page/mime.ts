/** Shows a Jupyter MIME bundle: its richest form that a small page can show. */
import DOMPurify from 'dompurify';
import { toBase64 } from '../base64';
import { el } from './dom';
import { ansiToHtml } from './terminal';

type Render = (data: string, metadata: Readonly<Record<string, unknown>>) => HTMLElement;

const RENDERERS: readonly (readonly [string, Render])[] = [
  ['text/html', html],
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

/**
 * Tables and the like become part of the page, without anything that runs. What brings scripts of its own (a plot that
 * can be turned) gets them in a frame that has no access to the page or its origin.
 */
function html(data: string): HTMLElement {
  if (/<script\b/i.test(data)) {
    return framed(data);
  }
  const element = el('div', { class: 'html' });
  element.innerHTML = DOMPurify.sanitize(data, { ADD_ATTR: ['target'], FORCE_BODY: true });
  return element;
}

const REPORT_HEIGHT = `<script>new ResizeObserver(() => parent.postMessage(
  {liteEnvHeight: document.documentElement.offsetHeight}, '*')).observe(document.documentElement)</script>`;

function framed(data: string): HTMLElement {
  const frame = el('iframe', { sandbox: 'allow-scripts allow-popups', title: 'output of the cell', class: 'html' });
  frame.srcdoc = `<!doctype html><meta charset="utf-8"><style>body{margin:0;font:14px system-ui,sans-serif}</style>${data}${REPORT_HEIGHT}`;
  const fit = (event: MessageEvent<{ liteEnvHeight?: unknown } | null>) => {
    if (!frame.isConnected) {
      window.removeEventListener('message', fit); // The output was cleared.
      return;
    }
    const height = event.data?.liteEnvHeight;
    if (event.source === frame.contentWindow && typeof height === 'number') {
      frame.style.height = `${Math.min(Math.ceil(height) + 2, 2000)}px`;
    }
  };
  window.addEventListener('message', fit);
  return frame;
}
