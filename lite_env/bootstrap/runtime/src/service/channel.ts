/** The BroadcastChannel between a page and its service worker: JupyterLite's, and ours. */
export const CHANNEL = '/sw-api.v1';
