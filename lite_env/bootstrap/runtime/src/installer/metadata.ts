/** METADATA of a distribution (https://packaging.python.org/specifications/core-metadata/). */
import { normalize, parseRequirement, type Requirement } from './requirement';
import { Refused } from './refusal';
import { parseSpecifiers, type Specifier } from './version';

export interface Metadata {
  /** Normalized. */
  readonly name: string;
  readonly version: string;
  readonly summary: string;
  readonly requires: readonly Requirement[];
  readonly requiresPython: readonly Specifier[];
}

/** Read what is needed of it; `where` names it in errors. */
export function parseMetadata(data: Uint8Array, where: string): Metadata {
  const fields = readFields(new TextDecoder().decode(data));
  const one = (name: string) => fields.get(name)?.[0] ?? '';
  if (one('name') === '' || one('version') === '') {
    throw new Refused(`${where} is not metadata of a package: it lacks its name or version`);
  }
  return {
    name: normalize(one('name')),
    version: one('version'),
    summary: one('summary'),
    requires: (fields.get('requires-dist') ?? []).map(text => parseRequirement(text)),
    requiresPython: parseSpecifiers(one('requires-python')) ?? [],
  };
}

/** The header fields by their names in lower case; what follows the first empty line is a description. */
export function readFields(text: string): Map<string, string[]> {
  const fields = new Map<string, string[]>();
  let last: string[] | undefined;
  for (const line of text.split(/\r?\n/)) {
    if (line === '') {
      break;
    }
    if (/^[ \t]/.test(line) && last?.length) {
      last[last.length - 1] += `\n${line.trim()}`;
      continue;
    }
    const colon = line.indexOf(':');
    if (colon > 0) {
      const name = line.slice(0, colon).toLowerCase();
      last = fields.get(name) ?? [];
      last.push(line.slice(colon + 1).trim());
      fields.set(name, last);
    }
  }
  return fields;
}
