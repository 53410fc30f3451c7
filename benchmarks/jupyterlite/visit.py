"""One visit: a notebook of a JupyterLite site is opened over a link, its cells are run, and everything is counted."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.browser.cdp import Browser
from benchmarks.browser.meter import Meter, Tally, evaluate
from benchmarks.browser.model import FIRST, NUMPY
from benchmarks.browser.visits import expect, leave, limited
from benchmarks.common import load_average
from benchmarks.jupyterlite.model import OCCASIONS, Visit

if TYPE_CHECKING:
    from benchmarks.browser.model import Link, Mark
    from benchmarks.browser.server import CountingServer
    from benchmarks.jupyterlite.model import Site

NOTEBOOK = "bench.ipynb"
CELLS = (FIRST, NUMPY)


async def visit_in_turn(
    program: Path, server: CountingServer, site: Site, link: Link, *, app: str, number: int
) -> list[Visit]:
    """A first visit with a fresh profile, and a second one by a new page of that profile.

    Args:
        program: the browser.
        server: has the site below its key.
        site: whose notebook is opened.
        link: that all of the browser is on.
        app: the application that opens it, ``lab`` or ``notebooks``.
        number: of the round.

    Raises:
        VisitFailedError: the kernel did not start, or a cell gave something else than expected.
    """
    visits = []
    async with Browser(program) as browser:
        meter = Meter(browser, link)
        url = f"{server.url}{site.key}/{app}/index.html?path={NOTEBOOK}"
        for occasion in OCCASIONS:
            visit = _visit(browser, meter, server, url, site.key)
            asked, marks = await limited(visit, f"{site.key}, {link.label}, {occasion} visit")
            visits.append(
                Visit(
                    site=site.key,
                    link=link.key,
                    occasion=occasion,
                    round=number,
                    asked=round(asked, 4),
                    marks=marks,
                    load=load_average(),
                )
            )
    return visits


async def _visit(
    browser: Browser, meter: Meter, server: CountingServer, url: str, who: str
) -> tuple[float, dict[str, Mark]]:
    page = await meter.open()
    tally = await Tally.begin(browser, meter, server)
    await page.send("Page.navigate", url=url)
    marks: dict[str, Mark] = {}
    asked = seconds = 0.0
    for at, cell in enumerate(CELLS):
        answer = await evaluate(page, f"({_script()})({json.dumps(NOTEBOOK)}, {at})")
        expect(cell, answer["text"], who)
        # What the marks of the cell before took is not the kernel's.
        seconds += (answer["answered"] - (answer["asked"] if at else 0)) / 1000
        asked = asked or answer["asked"] / 1000
        marks[cell.key] = await tally.mark(seconds)
    await leave(page)
    return asked, marks


@cache
def _script() -> str:
    return Path(__file__).with_name("notebook.js").read_text(encoding="utf-8")
