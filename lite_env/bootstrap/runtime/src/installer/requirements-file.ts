/** Requirements files (https://pip.pypa.io/en/stable/reference/requirements-file-format/). */
import { normalize, parseRequirement } from './requirement';
import { Refused } from './refusal';

export interface RequirementsFile {
  /** As words of a command. */
  readonly requirements: readonly string[];
  /** Paths of constraints files. */
  readonly constraints: readonly string[];
  readonly indexUrl: string | null;
  readonly extraIndexUrls: readonly string[];
  /** SHA-256 digests that are allowed, by name. */
  readonly hashes: ReadonlyMap<string, ReadonlySet<string>>;
}

/** How deep files may name others. */
const DEPTH = 20;

/** Read a file, and those that it names with `-r`; `read` gives the text at a path. */
export function readRequirements(path: string, read: (path: string) => string, depth = 0): RequirementsFile {
  if (depth > DEPTH) {
    throw new Refused(`"${path}" is named by itself: files of requirements include each other without end`);
  }
  const requirements: string[] = [];
  const constraints: string[] = [];
  const extraIndexUrls: string[] = [];
  const hashes = new Map<string, Set<string>>();
  let indexUrl: string | null = null;
  for (const { text, number } of logicalLines(read(path))) {
    const where = `"${path}", line ${number}`;
    if (/\$\{\w+\}/.test(text)) {
      throw new Refused(`${where}: variables are not put in: found "${text}"`);
    }
    const [, option, value = ''] = /^(-\w|--[\w-]+)(?:[ \t=]*(.*))$/s.exec(text) ?? [];
    switch (option) {
      case undefined: {
        const own = text.replace(/\s--hash[=\s]\S+/g, '').trim();
        requirements.push(own);
        const found = [...text.matchAll(/--hash[=\s]sha256:([0-9a-f]{64})/gi)].map(match =>
          (match[1] as string).toLowerCase()
        );
        if (found.length > 0) {
          const name = normalize(parseRequirement(own).name);
          hashes.set(name, new Set([...(hashes.get(name) ?? []), ...found]));
        }
        break;
      }
      case '-r':
      case '--requirement': {
        const other = readRequirements(beside(value, path), read, depth + 1);
        requirements.push(...other.requirements);
        constraints.push(...other.constraints);
        extraIndexUrls.push(...other.extraIndexUrls);
        indexUrl = other.indexUrl ?? indexUrl;
        other.hashes.forEach((set, name) => hashes.set(name, new Set(set)));
        break;
      }
      case '-c':
      case '--constraint':
        constraints.push(beside(value, path));
        break;
      case '-i':
      case '--index-url':
        indexUrl = value;
        break;
      case '--extra-index-url':
        extraIndexUrls.push(value);
        break;
      case '--prefer-binary':
      case '--only-binary':
        break;
      default:
        throw new Refused(
          `${where}: "${option}" cannot be done in a notebook: found "${text}"`,
          option === '-e' ? 'a project is built into a wheel outside of the browser' : null
        );
    }
  }
  return { requirements, constraints, indexUrl, extraIndexUrls, hashes };
}

/** Lines without comments, continued ones joined, with their numbers. */
function* logicalLines(content: string): Generator<{ text: string; number: number }> {
  const lines = content.replace(/^\uFEFF/, '').split(/\r?\n/);
  for (let at = 0; at < lines.length; at += 1) {
    const number = at + 1;
    let text = lines[at] as string;
    while (/\\$/.test(text) && at + 1 < lines.length) {
      at += 1;
      text = text.slice(0, -1) + (lines[at] as string);
    }
    text = text.replace(/(^|\s)#.*$/, '').trim();
    if (text !== '') {
      yield { text, number };
    }
  }
}

/** A path in a file is relative to the file. */
function beside(path: string, file: string): string {
  if (/^https?:/.test(path)) {
    throw new Refused(`"${file}" names "${path}": files of requirements are read from /drive only`);
  }
  const folder = file.slice(0, file.lastIndexOf('/') + 1);
  return path.startsWith('/') ? path : folder + path;
}
