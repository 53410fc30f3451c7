/** What a snapshot is of. Where any part differs it is not used. */
import { sha256Hex } from '../io/digest';

export interface Key {
  /** SHA-256 of the parts. */
  readonly id: string;
  /** By what they are called in a log. */
  readonly parts: Readonly<Record<string, string>>;
}

export async function keyOf(parts: Readonly<Record<string, string>>): Promise<Key> {
  return { id: await digestOf(sorted(parts)), parts };
}

/** Of a value that JSON can hold; the same on every machine. */
export function digestOf(value: unknown): Promise<string> {
  return sha256Hex(new TextEncoder().encode(JSON.stringify(value)));
}

/** The entries of a record in the order of their names. */
export function sorted(record: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(record).sort(([one], [other]) => (one < other ? -1 : 1));
}

/** What parts of two keys differ, by name. */
export function differing(one: Key, other: Key): string[] {
  const names = new Set([...Object.keys(one.parts), ...Object.keys(other.parts)]);
  return [...names].filter(name => one.parts[name] !== other.parts[name]).sort();
}

/** What of WebAssembly a script of a kernel may look for, and be another one where it is not. */
const FEATURES = ['Exception', 'Function', 'JSTag', 'Suspending', 'Suspender', 'Tag'];

/** Those that are here. */
export function wasmFeatures(): string {
  return FEATURES.filter(isHere).join(' ');
}

/** Of those that `script` looks for, which are here (`+`) and which are not (`-`): no others bind a snapshot that travels. */
export function featuresOf(script: string): string {
  const looked = FEATURES.filter(name =>
    new RegExp(`WebAssembly\\s*\\.\\s*${name}\\b|(["'])${name}\\1\\s*in\\s+WebAssembly\\b`).test(script)
  );
  return looked.map(name => (isHere(name) ? `+${name}` : `-${name}`)).join(' ');
}

/** Whether what `featuresOf` said elsewhere holds here. */
export function holdsHere(features: string): boolean {
  return features.split(' ').every(told => told === '' || isHere(told.slice(1)) === told.startsWith('+'));
}

function isHere(feature: string): boolean {
  return feature in WebAssembly;
}
