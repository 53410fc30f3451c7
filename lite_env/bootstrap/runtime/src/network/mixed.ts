/** Whether this page is of https and the address is not, and not of this machine either. */
export function isMixed(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  const isOwn = /^(localhost|.*\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
  return location.protocol === 'https:' && protocol === 'http:' && !isOwn;
}
