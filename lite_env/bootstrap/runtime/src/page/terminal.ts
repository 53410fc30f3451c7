/** Text as a terminal shows it: colours by ANSI sequences, and lines that are written over. */
import { AnsiUp } from 'ansi_up';

/**
 * Colours as classes, and those of the larger palettes as variables, so that both colour schemes can make them legible.
 * All text is escaped. Links lead to windows of their own: the page that is left loses its kernel.
 */
export function ansiToHtml(text: string): string {
  const converter = new AnsiUp();
  converter.use_classes = true;
  return converter
    .ansi_to_html(text)
    .replace(/<a (?=href=")/g, '<a target="_blank" rel="noopener noreferrer" ')
    .replace(/<span style="[^"]*"/g, style => style.replace(/(?<=[";])color:/, '--ink-wanted:'));
}

/**
 * Apply carriage returns and backspaces, as progress bars use them: what comes after `\r` overwrites the line from its
 * start. Colour sequences take no room on the line and stay with the character they stand before.
 */
export function applyControls(text: string): string {
  if (!/[\r\b]/.test(text)) {
    return text;
  }
  return text
    .replace(/\r+\n/g, '\n')
    .split('\n')
    .map(line => (/[\r\b]/.test(line) ? overwrite(line) : line))
    .join('\n');
}

/** Apply the controls whose effect is final, so that a long progress bar does not pile up its past. */
export function settleControls(text: string): string {
  const last = text.lastIndexOf('\r');
  const isOpen = last >= 0 && !text.slice(last).startsWith('\r\n');
  return isOpen ? `${applyControls(text.slice(0, last))}\r${text.slice(last + 1)}` : applyControls(text);
}

function overwrite(line: string): string {
  const cells: string[] = [];
  let at = 0;
  let pending = '';
  for (const [token] of line.matchAll(/\x1b\[[0-9;?]*[A-Za-z]|[\s\S]/gu)) {
    if (token === '\r') {
      at = 0;
    } else if (token === '\b') {
      at = Math.max(0, at - 1);
    } else if (token === '\x1b[K' || token === '\x1b[0K') {
      cells.length = Math.min(cells.length, at);
    } else if (token === '\x1b[2K') {
      cells.fill(' ', 0, at);
      cells.length = at;
    } else if (token.length > 2 && token.startsWith('\x1b[')) {
      pending += token;
    } else {
      cells[at] = pending + token;
      pending = '';
      at += 1;
    }
  }
  return cells.join('') + pending;
}
