/** Finds the lines of a cell that are install commands; what they mean is read in options.ts. */

/** One command line, without its prefix. */
export interface CommandLine {
  readonly tool: string;
  /** What follows the tool's name. */
  readonly text: string;
}

export interface SplitCell {
  readonly commands: readonly CommandLine[];
  /** The cell without them: as many lines, so that tracebacks tell the right ones. */
  readonly rest: string;
  /** Whether the cell's first line is `%%capture`: what the commands say is not wanted. */
  readonly captured: boolean;
}

const TOOL = String.raw`(?:(?:\{sys\.executable\}|python[\d.]*)[ \t]+-m[ \t]+)?(pip|conda|mamba|micromamba)[\d.]*`;
const MAGIC = new RegExp(String.raw`^[%!][ \t]*${TOOL}(?![\w.])[ \t]*(.*)$`, 's');
/** Without a prefix only what is no Python: two names side by side. */
const BARE = new RegExp(
  String.raw`^${TOOL}[ \t]+((?:install|uninstall|remove|update|upgrade|list|freeze|show)(?![\w.]).*)$`,
  's'
);
/** Cell magics that run the rest of the cell as it is. */
const TRANSPARENT = /^%%(capture|time)\b/;

/** Split a cell of a kernel for `language`. */
export function splitCell(code: string, language: string): SplitCell {
  const python = language === 'python';
  const lines = code.split('\n');
  const rest: string[] = [];
  const commands: CommandLine[] = [];
  const first = lines.findIndex(line => line.trim() !== '');
  const magic = python && first >= 0 ? TRANSPARENT.exec(lines[first] as string) : null;
  if (python && !magic && lines[first]?.startsWith('%%')) {
    return { commands: [], rest: code, captured: false }; // Its text is another language's.
  }
  const state = new PythonState();
  for (let at = 0; at < lines.length; at += 1) {
    const begun = at;
    const open = python && !state.isClean;
    const isMagic = /^[%!]/.test(lines[at] as string);
    if (!open && (isMagic || BARE.test(lines[at] as string))) {
      while (/\\\s*$/.test(lines[at] as string) && at + 1 < lines.length) {
        at += 1;
      }
      const own = lines.slice(begun, at + 1);
      const found = commandOf(own, python);
      if (found) {
        commands.push(found);
      }
      rest.push(...(found ? own.map(line => (python ? `# ${line}` : '')) : own));
      continue;
    }
    rest.push(lines[at] as string);
    if (python) {
      state.read(lines[at] as string);
    }
  }
  return { commands, rest: rest.join('\n'), captured: magic?.[1] === 'capture' };
}

function commandOf(lines: readonly string[], python: boolean): CommandLine | null {
  const joined = lines
    .map(line => line.replace(/\\\s*$/, ' '))
    .join('')
    .trimEnd();
  const match = MAGIC.exec(joined) ?? (python ? BARE.exec(joined) : null);
  return match ? { tool: match[1] as string, text: match[2] as string } : null;
}

/** What of Python's grammar decides whether a line begins a statement: strings, brackets, continued lines. */
class PythonState {
  private quote: string | null = null;
  private depth = 0;
  private continued = false;

  get isClean(): boolean {
    return this.quote === null && this.depth === 0 && !this.continued;
  }

  read(line: string): void {
    this.continued = false;
    for (let at = 0; at < line.length;) {
      at = this.quote === null ? this.plain(line, at) : this.inString(line, at, this.quote);
    }
    if (this.quote?.length === 1 && !this.continued) {
      this.quote = null; // Not closed: Python will say so.
    }
  }

  private plain(line: string, at: number): number {
    const character = line[at] as string;
    if (character === '#') {
      return line.length;
    }
    if (character === '"' || character === "'") {
      this.quote = line.startsWith(character.repeat(3), at) ? character.repeat(3) : character;
      return at + this.quote.length;
    }
    if ('([{'.includes(character)) {
      this.depth += 1;
    } else if (')]}'.includes(character)) {
      this.depth = Math.max(0, this.depth - 1);
    } else if (character === '\\' && at === line.length - 1) {
      this.continued = true;
    }
    return at + 1;
  }

  private inString(line: string, at: number, quote: string): number {
    if (line[at] === '\\') {
      this.continued = at === line.length - 1;
      return at + 2;
    }
    if (line.startsWith(quote, at)) {
      this.quote = null;
      return at + quote.length;
    }
    return at + 1;
  }
}
