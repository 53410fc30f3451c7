/** The BroadcastChannel between a page and its service worker: JupyterLite's, and ours. */
export const CHANNEL = '/sw-api.v1';
/** What a page says to its service worker when its kernel has started: there is time to keep the page's files. */
export const KEEP = 'lite-env: keep the page';
/** What a page says when its kernel's worker runs: that one may have been made before the service worker was there. */
export const CLAIM = 'lite-env: take charge';
