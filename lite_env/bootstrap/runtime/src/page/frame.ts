/**
 * Output that brings scripts of its own (a plot that can be turned): a frame that has no access to the page, its origin
 * or its windows. What the frame may want of the page comes through a port that only our script in it holds.
 */
import { el } from './dom';

/** How long after a click a program may still open its window; browsers' own measure. */
const CLICK_MS = 5000;
const HELLO = 'lite-env frame';
const MOST_PIXELS = 2000;
const OPENED = new Set(['http:', 'https:', 'mailto:']);

interface Wish {
  readonly height?: unknown;
  readonly open?: unknown;
}

/**
 * The first script of the frame. `allow-popups` would leave it to the browser's settings whether a window needs a click;
 * without it no window opens but through here: one for each click or key press that the *browser* reports. The port and
 * the functions are kept before the output's scripts are there, which therefore cannot reach or replace them.
 */
function begin(hello: string, clickMs: number): void {
  const { port1, port2 } = new MessageChannel();
  const send = port1.postMessage.bind(port1) as (wish: Wish) => void;
  const now = performance.now.bind(performance);
  const on = window.addEventListener.bind(window);
  parent.postMessage(hello, '*', [port2]);
  let clicked = -Infinity;
  const open = (url: string): boolean => {
    const may = now() - clicked < clickMs;
    clicked = -Infinity;
    may && send({ open: url });
    return may;
  };
  on('pointerup', event => event.isTrusted && (clicked = now()), true);
  // By a key: what a pointer does has been seen already.
  on('click', event => event.isTrusted && event.detail === 0 && (clicked = now()), true);
  on('click', event => {
    const link = (event.composedPath()[0] as Element).closest?.('a[href], area[href]');
    if (!link || event.defaultPrevented) {
      return;
    }
    const href = link.getAttribute('href') as string;
    if (href.startsWith('#')) {
      event.preventDefault();
      document.getElementById(href.slice(1))?.scrollIntoView();
    } else if (!href.startsWith('javascript:') && !link.hasAttribute('download') && open((link as HTMLAnchorElement).href)) {
      event.preventDefault();
    }
  });
  window.open = url => {
    open(new URL(url ?? '', document.baseURI).href);
    return null;
  };
  new ResizeObserver(() => send({ height: document.documentElement.offsetHeight })).observe(document.documentElement);
}

export function framed(data: string): HTMLElement {
  const frame = el('iframe', { sandbox: 'allow-scripts', title: 'output of the cell', class: 'html' });
  const script = `<script>(${String(begin)})(${JSON.stringify(HELLO)},${CLICK_MS});document.currentScript.remove()</script>`;
  const style = '<style>body{margin:0;font:14px system-ui,sans-serif}</style>';
  frame.srcdoc = `<!doctype html><meta charset="utf-8">${script}${style}${data}`;
  const greet = (event: MessageEvent) => {
    if (event.source === frame.contentWindow && event.data === HELLO && event.ports[0]) {
      // The first is ours: our script is the frame's first.
      window.removeEventListener('message', greet);
      event.ports[0].onmessage = ({ data: wish }: MessageEvent<Wish>) => grant(frame, wish);
    }
  };
  window.addEventListener('message', greet);
  return frame;
}

function grant(frame: HTMLIFrameElement, { height, open }: Wish): void {
  if (typeof height === 'number') {
    frame.style.height = `${Math.min(Math.ceil(height) + 2, MOST_PIXELS)}px`;
  }
  if (typeof open === 'string' && URL.canParse(open) && OPENED.has(new URL(open).protocol)) {
    window.open(open, '_blank', 'noopener,noreferrer');
  }
}
