/** A worker may only be made of a script of one's own origin; one from elsewhere is imported by a small one. */
export function createWorker(url: URL, type: WorkerType): Worker {
  if (url.origin === location.origin) {
    return new Worker(url, { type });
  }
  const address = JSON.stringify(url.href);
  const script = type === 'module' ? `import${address};` : `importScripts(${address});`;
  const own = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
  try {
    return new Worker(own, { type });
  } finally {
    setTimeout(() => URL.revokeObjectURL(own), 60_000); // A worker fetches its script after this returns.
  }
}
