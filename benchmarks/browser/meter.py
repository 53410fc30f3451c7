"""Puts a browser on a link, and counts what its visits cost."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from benchmarks.browser.cdp import ProtocolError, Session
from benchmarks.browser.model import Mark

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.browser.cdp import Browser
    from benchmarks.browser.model import Link
    from benchmarks.browser.server import CountingServer

_NAVIGATING = ("navigated", "context", "promise was collected")
_BUFFER = 1024  # bytes of bodies that the DevTools keep: as little as they allow


@dataclass(slots=True)
class _Received:
    """What has come of one response, in bytes as they came over the wire, and which session tells of it."""

    session: Session
    size: int


class Meter:
    """Puts every target of a browser on a link, workers and service workers too, and counts what they receive."""

    def __init__(self, browser: Browser, link: Link) -> None:
        self._browser = browser
        self._link = link
        self._received: dict[str, _Received] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._pages: dict[str, asyncio.Future[Session]] = {}
        browser.on("Target.attachedToTarget", self._attached)
        browser.on("Network.responseReceived", self._response)
        browser.on("Network.dataReceived", self._data)
        browser.on("Network.loadingFinished", self._finished)

    async def open(self) -> Session:
        """A new page that is ready to be sent somewhere."""
        root = self._browser.root
        await root.send("Target.setAutoAttach", autoAttach=True, waitForDebuggerOnStart=True, flatten=True)
        target = (await root.send("Target.createTarget", url="about:blank"))["targetId"]
        return await self._page(target)

    @property
    def received(self) -> int:
        """Bytes so far, as they came over the wire."""
        return sum(received.size for received in self._received.values())

    def reset(self) -> None:
        """Count from zero."""
        self._received.clear()

    def _page(self, target: str) -> asyncio.Future[Session]:
        if target not in self._pages:
            self._pages[target] = asyncio.get_running_loop().create_future()
        return self._pages[target]

    def _attached(self, _parent: Session, params: dict[str, Any]) -> None:
        session = self._browser.session(params["sessionId"])
        task = asyncio.ensure_future(self._prepare(session, params["targetInfo"]["targetId"]))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _prepare(self, session: Session, target: str) -> None:
        # All at once: a target that waits for the debugger may answer only when it goes on.
        commands: list[tuple[str, dict[str, Any]]] = [("Runtime.runIfWaitingForDebugger", {})]
        if session.kind in {"page", "worker"}:
            follow = {"autoAttach": True, "waitForDebuggerOnStart": True, "flatten": True}
            commands.insert(0, ("Target.setAutoAttach", follow))
        if session.kind in {"page", "worker", "service_worker"}:
            buffers = {"maxTotalBufferSize": _BUFFER, "maxResourceBufferSize": _BUFFER}
            # Chromium refuses it for dedicated workers, whose requests are on the link of their page: see check.py.
            commands.insert(0, ("Network.emulateNetworkConditions", _conditions(self._link)))
            commands.insert(0, ("Network.enable", buffers))
        await asyncio.gather(*(session.send(method, **params) for method, params in commands), return_exceptions=True)
        if session.kind == "page" and not self._page(target).done():
            self._page(target).set_result(session)

    def _response(self, session: Session, params: dict[str, Any]) -> None:
        response = params["response"]
        if not response.get("fromServiceWorker") and not response.get("fromDiskCache"):
            self._received.setdefault(
                params["requestId"], _Received(session, int(response.get("encodedDataLength", 0)))
            )

    def _data(self, session: Session, params: dict[str, Any]) -> None:
        received = self._received.get(params["requestId"])
        # A service worker has two sessions: the browser's and its page's.
        if received is not None and received.session is session:
            received.size += int(params.get("encodedDataLength", 0))

    def _finished(self, session: Session, params: dict[str, Any]) -> None:
        received = self._received.get(params["requestId"])
        if received is not None and received.session is session:
            received.size = max(received.size, int(params.get("encodedDataLength", 0)))


def _conditions(link: Link) -> dict[str, Any]:
    rate = -1 if link.throughput is None else link.throughput / 8
    return {"offline": False, "latency": link.latency, "downloadThroughput": rate, "uploadThroughput": rate}


class Tally:
    """What one visit costs, counted from the opening of its page."""

    def __init__(self, browser: Browser, meter: Meter, server: CountingServer, idle: float) -> None:
        self._browser = browser
        self._meter = meter
        self._server = server
        self._idle = idle
        self._before = len(server.sent())

    @classmethod
    async def begin(cls, browser: Browser, meter: Meter, server: CountingServer) -> Self:
        """Count from now on."""
        meter.reset()
        return cls(browser, meter, server, (await _processes(browser)).cpu)

    async def mark(self, seconds: float) -> Mark:
        """Where the visit stands."""
        sent = self._server.sent()[self._before :]
        seen = self._meter.received
        used = await _processes(self._browser)
        return Mark(
            seconds=round(seconds, 4),
            requests=len(sent),
            wire=sum(response.size for response in sent),
            seen=seen,
            cpu=round(used.cpu - self._idle, 3),
            rss=used.rss,
            peak=used.peak,
        )


async def evaluate(page: Session, expression: str, *, until: Callable[[Any], bool] = lambda _value: True) -> Any:  # noqa: ANN401 - JSON
    """Evaluate in a page and wait for the promise that comes of it; again while the page is not there yet.

    Raises:
        ProtocolError: it threw.
    """
    while True:
        try:
            result = await page.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        except ProtocolError as error:
            if any(sign in str(error) for sign in _NAVIGATING):
                continue
            raise
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise ProtocolError(details.get("exception", {}).get("description") or details.get("text", "failed"))
        value = result["result"].get("value")
        if until(value):
            return value
        await asyncio.sleep(0.005)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Used:
    """What the browser has used so far: CPU seconds of all processes, memory of the largest renderer in bytes."""

    cpu: float
    rss: int | None
    peak: int | None


async def _processes(browser: Browser) -> _Used:
    processes = (await browser.root.send("SystemInfo.getProcessInfo"))["processInfo"]
    rss, peak = _largest(processes)
    return _Used(cpu=sum(process["cpuTime"] for process in processes), rss=rss, peak=peak)


async def process_memory(browser: Browser) -> tuple[int | None, int | None]:
    """Bytes that the page's process has and that it had at most."""
    return _largest((await browser.root.send("SystemInfo.getProcessInfo"))["processInfo"])


def _largest(processes: Sequence[dict[str, Any]]) -> tuple[int | None, int | None]:
    found = [_process_memory(process["id"]) for process in processes if process["type"] == "renderer"]
    return max((pair for pair in found if pair[1] is not None), key=lambda pair: pair[1] or 0, default=(None, None))


def _process_memory(pid: int) -> tuple[int | None, int | None]:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None, None
    values = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith(("VmRSS", "VmHWM"))}
    if len(values) != len(("VmRSS", "VmHWM")):
        return None, None
    return int(values["VmRSS"]) * 1024, int(values["VmHWM"]) * 1024
