import { BootError, type FailureName } from '../errors';

/**
 * Walks a parsed JSON document and says exactly where it breaks its format: `archives[3].size: found "x", expected a
 * whole number`.
 */
export class Checker {
  constructor(
    private readonly file: string,
    private readonly failure: FailureName = 'ManifestInvalid'
  ) {}

  fail(where: string, found: unknown, expected: string): never {
    const shown = JSON.stringify(found) ?? 'nothing';
    throw new BootError(this.failure, `"${this.file}" is invalid at ${where}: found ${shown.slice(0, 80)}, expected ${expected}`, {
      file: this.file,
      hint: 'the pack is broken, or is no pack: make it again',
    });
  }

  object(value: unknown, where: string): Record<string, unknown> {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      return this.fail(where, value, 'an object');
    }
    return value as Record<string, unknown>;
  }

  array<T>(value: unknown, where: string, item: (value: unknown, where: string) => T): T[] {
    if (!Array.isArray(value)) {
      return this.fail(where, value, 'an array');
    }
    return value.map((entry, position) => item(entry, `${where}[${position}]`));
  }

  string(value: unknown, where: string): string {
    return typeof value === 'string' ? value : this.fail(where, value, 'a string');
  }

  size(value: unknown, where: string): number {
    return Number.isSafeInteger(value) && (value as number) >= 0
      ? (value as number)
      : this.fail(where, value, 'a whole number');
  }

  sha256(value: unknown, where: string): string {
    return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)
      ? value
      : this.fail(where, value, 'a SHA-256 in lower-case hex');
  }

  /** A path that stays inside its folder. */
  path(value: unknown, where: string): string {
    const text = this.string(value, where);
    if (text.split('/').some(part => !isSafeName(part))) {
      return this.fail(where, value, 'a relative path inside the pack');
    }
    return text;
  }
}

/** Whether `name` can be one component of a path, and a key of the plain objects that folders are in MEMFS. */
export function isSafeName(name: string): boolean {
  return !['', '.', '..', '__proto__'].includes(name) && !/[/\\\0]/.test(name);
}
