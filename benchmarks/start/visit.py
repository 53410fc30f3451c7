"""One visit: a page is opened over a link, its kernel is waited for, cells are run, and everything is counted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks.browser.cdp import Browser
from benchmarks.browser.meter import Meter, Tally, evaluate
from benchmarks.browser.visits import expect, leave, limited
from benchmarks.common import load_average
from benchmarks.start.model import OCCASIONS, Visit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.browser.cdp import Session
    from benchmarks.browser.model import Cell, Encoding, Link, Mark
    from benchmarks.browser.server import CountingServer
    from benchmarks.start.model import Variant


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
    visits: list[Visit] = []
    async with Browser(program) as browser:
        meter = Meter(browser, link)
        for occasion, own in zip(OCCASIONS, cells, strict=False):
            settled = None if visits else variant.settled
            visit = _visit(browser, meter, server, variant, encoding, own, settled)
            page, marks = await limited(visit, f"{variant.key}, {link.label}, {occasion} visit")
            if len(visits) + 1 < len(cells):
                await leave(page)
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
    settled: str | None,
) -> tuple[Session, dict[str, Mark]]:
    page = await meter.open()
    tally = await Tally.begin(browser, meter, server)
    url = f"{server.url}{encoding}/{variant.key}/{'bench.html' if variant.page is None else variant.page}"
    await page.send("Page.navigate", url=url)
    marks = {"ready": await tally.mark((await evaluate(page, ready_of(variant))) / 1000)}
    if settled is not None:
        await evaluate(page, settled)
    for cell in cells:
        answer = await evaluate(page, run_of(variant, cell))
        expect(cell, answer["text"], variant.key)
        marks[cell.key] = await tally.mark(answer["milliseconds"] / 1000)
    return page, marks


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
