"""Shows that the link reaches every request: a page's, a worker's, a worker's blocking ones and a service worker's."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.browser.cdp import Browser
from benchmarks.browser.meter import Meter, evaluate
from benchmarks.browser.server import make_resource

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.browser.model import Link
    from benchmarks.browser.server import CountingServer, Encoder

_SIZE = 250_000  # bytes
_FASTEST = 0.9  # of the expected seconds; faster means that the link was not there
_PAGE = b"<!doctype html><title>check</title>"
_WORKER = b"""onmessage = async ({ data }) => {
  const begin = performance.now();
  if (data === 'fetch') {
    await (await fetch(`blob?${Math.random()}`)).arrayBuffer();
  } else {
    const request = new XMLHttpRequest();
    request.open('GET', `blob?${Math.random()}`, false);
    request.send();
  }
  postMessage(performance.now() - begin);
};
"""
_SERVICE_WORKER = b"""addEventListener('install', () => skipWaiting());
addEventListener('activate', event => event.waitUntil(clients.claim()));
addEventListener('fetch', event => {
  if (event.request.url.includes('through')) event.respondWith(fetch(`blob?${Math.random()}`));
});
"""
_RUN = """(async () => {
  const timed = async act => { const begin = performance.now(); await act(); return performance.now() - begin; };
  const get = async url => void (await (await fetch(url)).arrayBuffer());
  const worker = new Worker('worker.js');
  const ask = how => new Promise(resolve => { worker.onmessage = e => resolve(e.data); worker.postMessage(how); });
  const controlled = new Promise(resolve => navigator.serviceWorker.addEventListener('controllerchange', resolve));
  await navigator.serviceWorker.register('sw.js');
  await controlled;
  const result = {};
  result.page = await timed(() => get(`blob?${Math.random()}`));
  result.worker = await ask('fetch');
  result['worker, blocking'] = await ask('xhr');
  result['service worker'] = await timed(() => get('through'));
  result['page and worker at once'] = await timed(() => Promise.all([ask('fetch'), get(`blob?${Math.random()}`)]));
  return result;
})()"""


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkCheck:
    """How long 250 kB took one kind of request, in seconds, and how long the link has to make it."""

    link: str
    what: str
    seconds: float
    expected: float

    @property
    def holds(self) -> bool:
        """Whether the request was on the link; slower it may be for many reasons."""
        return self.seconds >= _FASTEST * self.expected


async def check_links(
    program: Path, server: CountingServer, encoder: Encoder, links: Sequence[Link]
) -> list[LinkCheck]:
    """Measure each kind of request on each of `links` that is throttled."""
    return [
        check
        for link in links
        if link.throughput is not None
        for check in await check_link(program, server, encoder, link)
    ]


async def check_link(program: Path, server: CountingServer, encoder: Encoder, link: Link) -> list[LinkCheck]:
    """Measure each kind of request on a throttled link."""
    blob = random.Random(0).randbytes(_SIZE)  # noqa: S311 - bytes that no encoding makes smaller
    files = {"index.html": _PAGE, "worker.js": _WORKER, "sw.js": _SERVICE_WORKER, "blob": blob}
    server.add({f"/check/{name}": make_resource(name, data, "gzip", encoder) for name, data in files.items()})
    async with Browser(program) as browser:
        page = await Meter(browser, link).open()
        await page.send("Page.navigate", url=f"{server.url}check/index.html")
        result = await evaluate(
            page, f"document.title === 'check' ? {_RUN} : null", until=lambda value: value is not None
        )
    rate = (link.throughput or 0) / 8
    return [
        LinkCheck(
            link=link.key,
            what=what,
            seconds=milliseconds / 1000,
            expected=link.latency / 1000 + _SIZE * (2 if "at once" in what else 1) / rate,
        )
        for what, milliseconds in result.items()
    ]
