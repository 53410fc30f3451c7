import { Refused } from './refusal';

/**
 * The words of a command line as a shell reads them: quotes, backslashes, a comment at the end. What only a shell or
 * Python could do with it (pipes, redirections, variables) is refused, since neither sees it.
 */
export function splitWords(text: string, line = text): string[] {
  const words: string[] = [];
  for (let at = 0; at < text.length;) {
    if (/\s/.test(text[at] as string)) {
      at += 1;
    } else if (text[at] === '#') {
      break;
    } else {
      const { word, end } = readWord(text, at, line);
      words.push(word);
      at = end;
    }
  }
  return words;
}

function readWord(text: string, start: number, line: string): { word: string; end: number } {
  let word = '';
  let at = start;
  while (at < text.length && !/\s/.test(text[at] as string)) {
    const character = text[at] as string;
    if (character === '"' || character === "'") {
      const end = closing(text, at, line);
      const quoted = text.slice(at + 1, end);
      word += character === '"' ? quoted.replace(/\\(["\\$`])/g, '$1') : quoted;
      at = end + 1;
    } else if (character === '\\' && at + 1 < text.length) {
      word += text[at + 1];
      at += 2;
    } else {
      checkPlain(line, character, word);
      word += character;
      at += 1;
    }
  }
  checkVariables(line, word);
  return { word, end: at };
}

function closing(text: string, start: number, line: string): number {
  const quote = text[start];
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] === '\\' && quote === '"') {
      at += 1;
    } else if (text[at] === quote) {
      return at;
    }
  }
  throw new Refused(`a quote is not closed in \`${line.trim()}\``);
}

/** `x>=1` without quotes is what everybody writes after `%pip install`; `> file` is a shell's affair. */
function checkPlain(line: string, character: string, before: string): void {
  if ('|&;`'.includes(character) || ('<>'.includes(character) && /^\d?$/.test(before))) {
    throw new Refused(
      `no shell runs \`${line.trim()}\`: found "${character}"`,
      'one command a line, without pipes and redirections; quote what belongs to a requirement'
    );
  }
}

function checkVariables(line: string, word: string): void {
  const found = /\{[^{}]*\}|\$\{?\w+/.exec(word);
  if (found) {
    throw new Refused(
      `variables are not put into \`${line.trim()}\`: found "${found[0]}"`,
      'write the name itself: the command is done before Python sees the cell'
    );
  }
}
