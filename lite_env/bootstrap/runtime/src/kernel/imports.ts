/**
 * The modules that a cell is about to import, read from its text: dotted names, each once, in order. What is taken
 * *from* a module may be one of its submodules, so it is named too, behind the module.
 *
 * Only statements count: `import` and `from` in strings, comments and attribute names do not. What cannot be parsed
 * is left out; the kernel will find the error itself.
 */
export function importedModules(code: string): string[] {
  const found = new Set<string>();
  for (const statement of statements(code)) {
    for (const name of modulesOf(statement)) {
      found.add(name);
    }
  }
  return [...found];
}

/** What a table has for a module; of one that is not in it, what it has for the nearest package above. */
export function ofNearest<T>(table: ReadonlyMap<string, T>, module: string): T | undefined {
  for (let name = module; name !== ''; name = name.slice(0, Math.max(name.lastIndexOf('.'), 0))) {
    const value = table.get(name);
    if (value !== undefined) {
      return value;
    }
  }
  return undefined;
}

const DOTTED = /^[\p{L}_][\p{L}\p{N}_]*(?:\s*\.\s*[\p{L}_][\p{L}\p{N}_]*)*/u;

function modulesOf(statement: string): string[] {
  const from = /^from\s+([^\s.].*?)\s+import\b(.*)$/s.exec(statement);
  if (from?.[1]) {
    return dotted(from[1]).flatMap(module => [module, ...listed(from[2] ?? '').map(name => `${module}.${name}`)]);
  }
  const names = /^import\s+(.+)$/s.exec(statement);
  return listed(names?.[1] ?? '');
}

function listed(names: string): string[] {
  return names.split(',').flatMap(dotted);
}

function dotted(text: string): string[] {
  const name = DOTTED.exec(text.trim())?.[0];
  return name === undefined ? [] : [name.replace(/\s/g, '')];
}

/**
 * Simple statements of Python code without comments and with strings emptied: split at line ends and semicolons
 * outside of brackets, and behind the colon of `try:`, `if x:` and the like.
 */
function* statements(code: string): Generator<string> {
  let current = '';
  let depth = 0;
  for (let at = 0; at < code.length; ) {
    const skipped = skip(code, at);
    if (skipped > at) {
      // A line that goes on is one statement; a comment or string is none of our business.
      current += ' ';
      at = skipped;
      continue;
    }
    const character = code[at] as string;
    depth += '([{'.includes(character) ? 1 : ')]}'.includes(character) ? -1 : 0;
    if (character === '\n' || (depth <= 0 && (character === ';' || character === ':'))) {
      if (depth <= 0) {
        yield current.trim();
        current = '';
        depth = 0;
      } else {
        current += ' ';
      }
    } else if (!'()'.includes(character)) {
      current += character;
    }
    at += 1;
  }
  yield current.trim();
}

/** The position behind a comment, a string or a continued line end that begins at `at`; `at` when none does. */
function skip(code: string, at: number): number {
  const character = code[at];
  if (character === '#') {
    const end = code.indexOf('\n', at);
    return end < 0 ? code.length : end;
  }
  if (character === '\\' && code[at + 1] === '\n') {
    return at + 2;
  }
  return character === '"' || character === "'" ? skipString(code, at, character) : at;
}

function skipString(code: string, at: number, quote: string): number {
  const triple = code.startsWith(quote.repeat(3), at);
  const end = triple ? quote.repeat(3) : quote;
  for (let next = at + end.length; next < code.length; next += 1) {
    if (code[next] === '\\') {
      next += 1;
    } else if (code.startsWith(end, next)) {
      return next + end.length;
    } else if (!triple && code[next] === '\n') {
      return next; // Not closed: the kernel will say so.
    }
  }
  return code.length;
}
