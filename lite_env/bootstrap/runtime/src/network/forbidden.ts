/**
 * Headers that a page may not set (https://fetch.spec.whatwg.org/#forbidden-request-header), and `User-Agent`: some
 * browsers send a page's own, for which they ask servers of other origins for leave first, which few give.
 */
const NAMES = new Set([
  'accept-charset',
  'accept-encoding',
  'access-control-request-headers',
  'access-control-request-method',
  'connection',
  'content-length',
  'cookie',
  'cookie2',
  'date',
  'dnt',
  'expect',
  'host',
  'keep-alive',
  'origin',
  'referer',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
  'via',
]);

export function isForbidden(name: string): boolean {
  const lower = name.toLowerCase();
  return NAMES.has(lower) || lower.startsWith('sec-') || lower.startsWith('proxy-');
}
