/** What the service worker knows of its site; `lite-env site` writes it as the first line of sw.js. */
export interface SiteInfo {
  /** Digest of the page and the runtime: another one is another deployment. */
  readonly build: string;
  /**
   * SHA-256 of the page's own files by their URLs, relative to the site's folder. "./" stands for the page itself, into
   * which hosts may insert something: it has none.
   */
  readonly files: Readonly<Record<string, string | null>>;
  /** The runtime's folder, which the page of this deployment names. */
  readonly runtime: string;
  /** Whether `/drive` is the browser's storage, so that its requests are for the page and not for a server. */
  readonly drive: 'browser' | 'server' | 'none';
}

/** What is done with a request. */
export type Route =
  | { readonly kind: 'page'; readonly file: string } // kept once a kernel has started
  | { readonly kind: 'hashed' } // kept by the kernel's worker after its check
  | { readonly kind: 'manifest' } // the network first
  | { readonly kind: 'forward' } // answered by the page that the kernel belongs to
  | { readonly kind: 'pass' };

const HASHED = /(?:^|[-.])[0-9a-f]{16,64}\./;
const FORWARDED = /^api\/(?:drive|stdin\/[^/]+)$/;

/** Decide on a request; pure. `scope` is the URL of the site's folder. */
export function routeOf(method: string, url: string, scope: string, site: SiteInfo): Route {
  if (!url.startsWith(scope)) {
    return { kind: 'pass' };
  }
  const path = (url.slice(scope.length).split(/[?#]/, 1)[0] ?? '').replace(/^index\.html$/, '');
  if (method === 'POST') {
    // A kernel that waits for input asks its page, whatever the drive is.
    const forwarded = FORWARDED.test(path) && (site.drive === 'browser' || path !== 'api/drive');
    return { kind: forwarded ? 'forward' : 'pass' };
  }
  if (method !== 'GET') {
    return { kind: 'pass' };
  }
  const file = path || './';
  if (Object.hasOwn(site.files, file)) {
    return { kind: 'page', file };
  }
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (name === 'manifest.json') {
    return { kind: 'manifest' };
  }
  return { kind: HASHED.test(name) ? 'hashed' : 'pass' };
}

/** The cache of a deployment's page; sites in other folders of the same origin have others. */
export function pageCacheName(scope: string, build: string): string {
  return `${pageCachePrefix(scope)}${build}`;
}

/** Caches of earlier deployments of this site, among all of the origin. */
export function outdatedCaches(names: readonly string[], scope: string, build: string): string[] {
  const prefix = pageCachePrefix(scope);
  return names.filter(name => name.startsWith(prefix) && name !== pageCacheName(scope, build));
}

function pageCachePrefix(scope: string): string {
  return `lite-env-page ${new URL(scope).pathname} `;
}
