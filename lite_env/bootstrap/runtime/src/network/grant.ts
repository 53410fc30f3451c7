/** Which servers a kernel may ask. */
export type Grant = (url: URL) => boolean;

/**
 * `all`; an empty list for none; else hosts, each with a port or for every port: `example.org`, `127.0.0.1:8000`, `[::1]:8000`.
 */
export type NetworkGrant = 'all' | readonly string[];

export function grantOf(network: NetworkGrant): Grant {
  if (network === 'all') {
    return () => true;
  }
  const hosts = new Set(network.map(host => host.toLowerCase()));
  return ({ hostname, port, protocol }) => {
    const usual = protocol === 'https:' ? '443' : '80';
    return hosts.has(hostname) || hosts.has(`${hostname}:${port || usual}`);
  };
}
