/** Versions and specifiers of Python packages (https://packaging.python.org/specifications/version-specifiers/). */

const EPOCH = String.raw`(?:(\d+)!)?`;
const RELEASE = String.raw`(\d+(?:\.\d+)*)`;
const PRE = String.raw`(?:[-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?(\d*))?`;
const POST = String.raw`(?:-(\d+)|[-_.]?(post|rev|r)[-_.]?(\d*))?`;
const DEV = String.raw`(?:[-_.]?(dev)[-_.]?(\d*))?`;
const LOCAL = String.raw`(?:\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?`;
const VERSION = new RegExp(String.raw`^\s*v?${EPOCH}${RELEASE}${PRE}${POST}${DEV}${LOCAL}\s*$`, 'i');
const PHASES: Readonly<Record<string, number>> = { alpha: 0, a: 0, beta: 1, b: 1, preview: 2, pre: 2, c: 2, rc: 2 };

export interface Version {
  readonly text: string;
  readonly epoch: bigint;
  /** Without zeros at its end. */
  readonly release: readonly bigint[];
  /** The phase (alpha, beta, candidate) and its number. */
  readonly pre: readonly [number, bigint] | null;
  readonly post: bigint | null;
  readonly dev: bigint | null;
  readonly local: readonly (string | bigint)[];
  readonly isPrerelease: boolean;
}

/** Null where the text is no version. */
export function parseVersion(text: string): Version | null {
  const match = VERSION.exec(text);
  if (!match) {
    return null;
  }
  const [, epoch, release = '', phase, preNumber, implicit, postWord, postNumber, devWord, devNumber, local] = match;
  const pre = phase === undefined ? null : ([PHASES[phase.toLowerCase()] as number, BigInt(preNumber || 0)] as const);
  const post = implicit !== undefined ? BigInt(implicit) : postWord === undefined ? null : BigInt(postNumber || 0);
  const dev = devWord === undefined ? null : BigInt(devNumber || 0);
  return {
    text: text.trim(),
    epoch: BigInt(epoch ?? 0),
    release: withoutZeros(release.split('.').map(BigInt)),
    pre,
    post,
    dev,
    local: (local ?? '')
      .toLowerCase()
      .split(/[-_.]/)
      .filter(part => part !== '')
      .map(part => (/^\d+$/.test(part) ? BigInt(part) : part)),
    isPrerelease: pre !== null || dev !== null,
  };
}

function withoutZeros(release: readonly bigint[]): bigint[] {
  const last = release.findLastIndex(part => part !== 0n);
  return release.slice(0, last + 1);
}

/** Negative, zero or positive, as the first comes before, with or behind the second. */
export function compareVersions(a: Version, b: Version): number {
  return comparePublic(a, b) || compareLocal(a.local, b.local);
}

function comparePublic(a: Version, b: Version): number {
  return (
    order(a.epoch, b.epoch) ||
    compareRelease(a.release, b.release) ||
    order(preKey(a), preKey(b)) ||
    order(a.pre?.[1] ?? 0n, b.pre?.[1] ?? 0n) ||
    order(a.post ?? -1n, b.post ?? -1n) ||
    // Before what it leads to, which has no number of its own.
    order(a.dev === null ? 1 : 0, b.dev === null ? 1 : 0) ||
    order(a.dev ?? 0n, b.dev ?? 0n)
  );
}

/** A development version of a release comes before its phases, the release itself behind them. */
function preKey({ pre, post, dev }: Version): number {
  return pre ? pre[0] : post === null && dev !== null ? -1 : 3;
}

function compareRelease(a: readonly bigint[], b: readonly bigint[]): number {
  for (let at = 0; at < Math.max(a.length, b.length); at += 1) {
    const found = order(a[at] ?? 0n, b[at] ?? 0n);
    if (found !== 0) {
      return found;
    }
  }
  return 0;
}

function compareLocal(a: Version['local'], b: Version['local']): number {
  for (let at = 0; at < Math.max(a.length, b.length); at += 1) {
    const [left, right] = [a[at], b[at]];
    const isNumber = [left, right].map(part => (part === undefined ? -1 : typeof part === 'bigint' ? 1 : 0)) as [
      number,
      number,
    ];
    const found = order(isNumber[0], isNumber[1]) || (left === undefined ? 0 : order(left, right as typeof left));
    if (found !== 0) {
      return found;
    }
  }
  return 0;
}

function order<T extends number | bigint | string>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

type Operator = '~=' | '===' | '==' | '!=' | '<=' | '>=' | '<' | '>';

/** One clause: `>=1.2`, `==1.*`. */
export interface Specifier {
  readonly text: string;
  readonly operator: Operator;
  /** Null for `===`, which compares texts. */
  readonly version: Version | null;
  /** How many numbers of the release are compared, where it ends in `.*` or is `~=`. */
  readonly prefix: number | null;
}

const SPECIFIER = /^\s*(~=|===?|!=|<=|>=|<|>)\s*(\S+?)(\.\*)?\s*$/;

/** Read clauses between commas. Null where one is none. */
export function parseSpecifiers(text: string): Specifier[] | null {
  const parts = text.split(',').filter(part => part.trim() !== '');
  const found = parts.map(parseSpecifier);
  return found.every(specifier => specifier !== null) ? found : null;
}

function parseSpecifier(text: string): Specifier | null {
  const [, operator, version = '', star] = SPECIFIER.exec(text) ?? [];
  if (operator === '===') {
    return { text: text.trim(), operator, version: null, prefix: null };
  }
  const parsed = operator ? parseVersion(version) : null;
  const length =
    version
      .replace(/^\s*v?(?:\d+!)?/i, '')
      .match(/^\d+(?:\.\d+)*/)?.[0]
      .split('.').length ?? 0;
  const isEquality = operator === '==' || operator === '!=';
  const wrongStar = star !== undefined && !(isEquality && /^\s*v?(?:\d+!)?\d+(?:\.\d+)*$/i.test(version));
  if (!parsed || wrongStar || (operator === '~=' && length < 2) || (parsed.local.length > 0 && !isEquality)) {
    return null;
  }
  return {
    text: text.trim(),
    operator: operator as Operator,
    version: parsed,
    prefix: star !== undefined ? length : operator === '~=' ? length - 1 : null,
  };
}

/** Whether a version fits every clause; of releases before a final one nothing is said here. */
export function fits(version: Version, specifiers: readonly Specifier[]): boolean {
  return specifiers.every(specifier => fitsOne(version, specifier));
}

function fitsOne(version: Version, { operator, version: wanted, prefix, text }: Specifier): boolean {
  if (!wanted) {
    return text.replace(/^===\s*/, '').toLowerCase() === version.text.toLowerCase();
  }
  const compared = comparePublic(version, wanted);
  switch (operator) {
    case '==':
      return prefix === null ? equal(version, wanted) : hasPrefix(version, wanted, prefix);
    case '!=':
      return !(prefix === null ? equal(version, wanted) : hasPrefix(version, wanted, prefix));
    case '~=':
      return compared >= 0 && hasPrefix(version, { ...wanted, pre: null, post: null, dev: null }, prefix ?? 0);
    case '<=':
      return compared <= 0;
    case '>=':
      return compared >= 0;
    case '<':
      // `<2` is not for candidates of 2, nor `<2.post1` for 2.post1.dev0.
      return compared < 0 && (wanted.isPrerelease || !version.isPrerelease || !leadsTo(version, wanted));
    case '>':
      // `>2` is not for 2.post1, nor for 2+local.
      return (
        compared > 0 && (wanted.post !== null || wanted.dev !== null || version.post === null || !sameFinal(version, wanted))
      );
    case '===':
      return false;
  }
}

function equal(version: Version, wanted: Version): boolean {
  return (
    comparePublic(version, wanted) === 0 && (wanted.local.length === 0 || compareLocal(version.local, wanted.local) === 0)
  );
}

function sameRelease(a: Version, b: Version): boolean {
  return a.epoch === b.epoch && compareRelease(a.release, b.release) === 0;
}

/** Whether a version before a final one is of those before that final one. */
function leadsTo(version: Version, wanted: Version): boolean {
  return wanted.post === null ? sameRelease(version, wanted) : sameFinal(version, wanted) && version.post === wanted.post;
}

/** Whether they are of one release or one phase before it. */
function sameFinal(a: Version, b: Version): boolean {
  return sameRelease(a, b) && a.pre?.[0] === b.pre?.[0] && a.pre?.[1] === b.pre?.[1];
}

function hasPrefix(version: Version, wanted: Version, length: number): boolean {
  const pad = (release: readonly bigint[]) => Array.from({ length }, (_, at) => release[at] ?? 0n);
  return version.epoch === wanted.epoch && compareRelease(pad(version.release), pad(wanted.release)) === 0;
}

/** Whether the clauses ask for releases before a final one by naming one. */
export function namePrerelease(specifiers: readonly Specifier[]): boolean {
  return specifiers.some(({ version, operator }) => version?.isPrerelease && operator !== '!=');
}
