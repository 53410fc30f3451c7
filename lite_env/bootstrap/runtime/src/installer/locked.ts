import type { Installation } from '../kernel/installation';

/** What a site says beside the manifest of the lock that an environment is from. */
const LOCK = 'lock.json';

/** Where the environment was locked from. */
export interface Locked {
  readonly channels: readonly string[];
  /** Of the pip section; null where it names none. */
  readonly index: string | null;
  readonly extraIndexes: readonly string[];
}

/** What the site tells; not every site does. */
export async function readLocked(kernel: Installation): Promise<Locked> {
  try {
    const told = JSON.parse(new TextDecoder().decode(await kernel.read(LOCK))) as Record<string, unknown> | null;
    const { channels, index, extra_indexes } = told ?? {};
    return { channels: texts(channels), index: texts([index])[0] ?? null, extraIndexes: texts(extra_indexes) };
  } catch {
    return { channels: [], index: null, extraIndexes: [] };
  }
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter(item => typeof item === 'string') : [];
}
