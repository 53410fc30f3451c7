/** Requirements of Python packages (https://packaging.python.org/specifications/dependency-specifiers/). */
import { Refused } from './refusal';
import { compareVersions, fits, parseSpecifiers, parseVersion, type Specifier } from './version';

export interface Requirement {
  /** As it was written. */
  readonly text: string;
  /** Normalized. */
  readonly name: string;
  readonly extras: readonly string[];
  readonly specifiers: readonly Specifier[];
  readonly url: string | null;
  readonly marker: Marker | null;
}

/** An expression over the environment; see `holds`. */
export type Marker =
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Marker[] }
  | { readonly kind: 'compare'; readonly left: Operand; readonly operator: string; readonly right: Operand };

interface Operand {
  readonly variable: boolean;
  readonly text: string;
}

/** What a marker's variables are; `extra` is what a requirement is looked at for. */
export type MarkerVariables = Readonly<Record<string, string>>;

/** Names that mean the same package are the same text. */
export function normalize(name: string): string {
  return name.replace(/[-_.]+/g, '-').toLowerCase();
}

const HEAD = /^\s*([a-z0-9](?:[a-z0-9._-]*[a-z0-9])?)\s*(?:\[([^\]]*)\])?\s*/i;
const NAME = /^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$/i;

/** Read one requirement. @throws Refused that says what is wrong with it. */
export function parseRequirement(text: string): Requirement {
  const head = HEAD.exec(text);
  if (!head) {
    return wrong(text, 'a name');
  }
  const [whole, name = '', extras = ''] = head;
  const tail = text.slice(whole.length);
  const isUrl = tail.startsWith('@');
  // In an address a semicolon counts only behind a blank.
  const cut = isUrl ? (/\s;/.exec(tail)?.index ?? -1) : tail.indexOf(';');
  const body = (cut < 0 ? tail : tail.slice(0, cut)).trim();
  const marker = cut < 0 ? null : parseMarker(tail.slice(cut).replace(/^\s*;/, ''), text);
  const inner = /^\((.*)\)$/s.exec(body)?.[1] ?? body;
  const specifiers = isUrl ? [] : parseSpecifiers(inner);
  const names = extras
    .split(',')
    .map(extra => extra.trim())
    .filter(extra => extra !== '');
  if (!specifiers || names.some(extra => !NAME.test(extra))) {
    return wrong(text, 'a name, versions such as >=1.2, a marker behind ;');
  }
  return {
    text: text.trim(),
    name: normalize(name),
    extras: names.map(normalize),
    specifiers,
    url: isUrl ? body.slice(1).trim() : null,
    marker,
  };
}

function wrong(text: string, expected: string): never {
  throw new Refused(`"${text.trim()}" is not a requirement: expected ${expected}`);
}

const TOKEN = /\s*(?:([()])|'([^']*)'|"([^"]*)"|(not\s+in|in|and|or)\b|(~=|===?|!=|<=|>=|<|>)|([a-z_.]+))\s*/iy;

interface Token {
  readonly kind: 'sign' | 'text' | 'word' | 'operator' | 'variable';
  readonly text: string;
}

function tokens(text: string, requirement: string): Token[] {
  const found: Token[] = [];
  TOKEN.lastIndex = 0;
  for (let at = 0; at < text.length; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (!match) {
      if (text.slice(at).trim() === '') {
        break;
      }
      return wrong(requirement, `a marker, found "${text.slice(at).trim()}"`);
    }
    const [, sign, single, double, word, operator, variable] = match;
    if (sign !== undefined) {
      found.push({ kind: 'sign', text: sign });
    } else if (single !== undefined || double !== undefined) {
      found.push({ kind: 'text', text: single ?? double ?? '' });
    } else if (word !== undefined) {
      found.push({ kind: /in$/i.test(word) ? 'operator' : 'word', text: word.toLowerCase().replace(/\s+/, ' ') });
    } else {
      found.push(operator !== undefined ? { kind: 'operator', text: operator } : { kind: 'variable', text: variable ?? '' });
    }
  }
  return found;
}

function parseMarker(text: string, requirement: string): Marker {
  const rest = tokens(text, requirement);
  const fail = (): never => wrong(requirement, `a marker behind ;, found "${text.trim()}"`);
  const take = (kind: Token['kind'], word?: string): Token | null =>
    rest[0]?.kind === kind && (word === undefined || rest[0].text === word) ? (rest.shift() as Token) : null;
  const operand = (): Operand => {
    const token = take('text') ?? take('variable') ?? fail();
    return { variable: token.kind === 'variable', text: token.text };
  };
  const chain = (word: 'and' | 'or', next: () => Marker): Marker => {
    const parts = [next()];
    while (take('word', word)) {
      parts.push(next());
    }
    return parts.length === 1 ? (parts[0] as Marker) : { kind: word, parts };
  };
  let depth = 0;
  const atom = (): Marker => {
    if (take('sign', '(')) {
      depth += 1;
      const inner = depth > 50 ? fail() : expression();
      depth -= 1;
      return take('sign', ')') ? inner : fail();
    }
    const left = operand();
    const operator = (take('operator') ?? fail()).text;
    return { kind: 'compare', left, operator, right: operand() };
  };
  const expression = (): Marker => chain('or', () => chain('and', atom));
  const marker = expression();
  return rest.length === 0 ? marker : fail();
}

/** Whether a marker holds where its variables have these values. */
export function holds(marker: Marker | null, variables: MarkerVariables): boolean {
  switch (marker?.kind) {
    case undefined:
      return true;
    case 'and':
      return marker.parts.every(part => holds(part, variables));
    case 'or':
      return marker.parts.some(part => holds(part, variables));
    case 'compare':
      return compare(marker, variables);
  }
}

function compare({ left, operator, right }: Extract<Marker, { kind: 'compare' }>, variables: MarkerVariables): boolean {
  const value = ({ variable, text }: Operand) => (variable ? (variables[text] ?? '') : text);
  const isExtra = [left, right].some(({ variable, text }) => variable && text === 'extra');
  const [a, b] = isExtra ? [normalize(value(left)), normalize(value(right))] : [value(left), value(right)];
  const versions = [parseVersion(a), parseVersion(b)];
  const specifiers = operator.includes('in') || isExtra ? null : parseSpecifiers(operator + b);
  if (versions[0] && specifiers?.length) {
    return fits(versions[0], specifiers);
  }
  switch (operator) {
    case 'in':
      return b.includes(a);
    case 'not in':
      return !b.includes(a);
    case '==':
    case '===':
      return a === b;
    case '!=':
      return a !== b;
    default:
      return versions[0] && versions[1]
        ? ordered(compareVersions(versions[0], versions[1]), operator)
        : ordered(a < b ? -1 : a > b ? 1 : 0, operator);
  }
}

function ordered(compared: number, operator: string): boolean {
  return operator.startsWith('<')
    ? compared < 0 || (compared === 0 && operator === '<=')
    : compared > 0 || (compared === 0 && operator === '>=');
}
