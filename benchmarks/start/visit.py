"""One visit: a page is opened over a link, its kernel is waited for, cells are run, and everything is counted."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.common import load_average
from benchmarks.start.cdp import Browser, ProtocolError, Session
from benchmarks.start.model import OCCASIONS, Mark, Visit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.start.model import Cell, Encoding, Link, Variant
    from benchmarks.start.server import CountingServer

_VISIT_SECONDS = 400.0
_REST_SECONDS = 4.0  # after a visit, for whatever a page keeps or fetches in the background; V8 keeps code after two
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


class VisitFailedError(Exception):
    """The kernel did not start, or a cell gave something else than expected."""


async def visit_in_turn(
    program: Path,
    server: CountingServer,
    variant: Variant,
    link: Link,
    *,
    encoding: Encoding,
    number: int,
    cells: Sequence[Sequence[Cell]],
) -> list[Visit]:
    """A first visit with a fresh profile, and further ones by new pages of that profile; each runs its `cells`.

    Raises:
        VisitFailedError: the kernel did not start, or a cell gave something else than expected.
    """
    visits = []
    async with Browser(program) as browser:
        meter = Meter(browser, link)
        for occasion, own in zip(OCCASIONS, cells, strict=False):
            try:
                marks = await asyncio.wait_for(_visit(browser, meter, server, variant, encoding, own), _VISIT_SECONDS)
            except (TimeoutError, ProtocolError) as error:
                reason = str(error) or f"no answer in {_VISIT_SECONDS:.0f} s"
                raise VisitFailedError(f"{variant.key}, {link.label}, {occasion} visit: {reason}") from error
            visits.append(
                Visit(
                    variant=variant.key,
                    link=link.key,
                    encoding=encoding,
                    occasion=occasion,
                    round=number,
                    marks=marks,
                    load=load_average(),
                )
            )
    return visits


async def _visit(  # noqa: PLR0917 - see visit_in_turn
    browser: Browser,
    meter: Meter,
    server: CountingServer,
    variant: Variant,
    encoding: Encoding,
    cells: Sequence[Cell],
) -> dict[str, Mark]:
    page = await meter.open()
    meter.reset()
    idle = (await _processes(browser)).cpu
    before = len(server.sent())
    url = f"{server.url}{encoding}/{variant.key}/{'bench.html' if variant.page is None else variant.page}"
    await page.send("Page.navigate", url=url)
    marks = {}

    async def mark(key: str, seconds: float) -> None:
        sent = server.sent()[before:]
        seen = meter.received
        used = await _processes(browser)
        marks[key] = Mark(
            seconds=round(seconds, 4),
            requests=len(sent),
            wire=sum(response.size for response in sent),
            seen=seen,
            cpu=round(used.cpu - idle, 3),
            rss=used.rss,
            peak=used.peak,
        )

    await mark("ready", (await evaluate(page, ready_of(variant))) / 1000)
    for cell in cells:
        answer = await evaluate(page, run_of(variant, cell))
        if cell.expected not in answer["text"]:
            raise VisitFailedError(f"{variant.key}: {cell.key} gave {answer['text'][-2000:]!r}")
        await mark(cell.key, answer["milliseconds"] / 1000)
    await asyncio.sleep(_REST_SECONDS)
    await page.send("Page.close")
    return marks


# The page may still be about:blank when it is asked: then the promise is lost with it, and it is asked again.
_READY = {
    False: "(async () => { while (!globalThis.bench) await new Promise(r => setTimeout(r, 5)); return bench.ready })()",
    True: "(async () => { while (!globalThis.liteEnv) await new Promise(r => setTimeout(r, 5)); await liteEnv.ready;"
    " if (liteEnv.errors.length) throw new Error(JSON.stringify(liteEnv.errors)); return performance.now() })()",
}
_RUN = {
    False: "bench.execute(%s)",
    True: "(async () => { const begin = performance.now(); const done = await liteEnv.execute(%s);"
    " const milliseconds = performance.now() - begin; return { milliseconds, text: JSON.stringify(done) } })()",
}


def ready_of(variant: Variant) -> str:
    """What gives the milliseconds from the opening of the variant's page to its kernel's first answer."""
    return _READY[variant.page is not None]


def run_of(variant: Variant, cell: Cell) -> str:
    """What runs a cell on the variant's page and gives ``{milliseconds, text}``."""
    return _RUN[variant.page is not None] % json.dumps(cell.code)


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
