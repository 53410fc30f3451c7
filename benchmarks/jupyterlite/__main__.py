"""Measures kernels in JupyterLite: lite_env beside jupyterlite-xeus in one Chromium, taking turns, and their builds.

Example: python -m benchmarks.jupyterlite --quick
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import signal
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.browser.check import LinkCheck, check_links
from benchmarks.browser.link_report import checks_as_json
from benchmarks.browser.model import FIRST, LINKS, NUMPY, Link
from benchmarks.browser.server import CountingServer, Encoder, load_tree
from benchmarks.browser.visits import attempt
from benchmarks.common import WORK, about_visits, say, write_json
from benchmarks.jupyterlite.builds import run_build
from benchmarks.jupyterlite.documents import tell
from benchmarks.jupyterlite.figures import Figures
from benchmarks.jupyterlite.model import BUILDS, JUPYTERLITE, Built, Site, Visit, visit_from
from benchmarks.jupyterlite.report import write_report
from benchmarks.jupyterlite.sites import make_sites
from benchmarks.jupyterlite.visit import visit_in_turn
from lite_env.host.find import find_chromium

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).parent
_LINKS = LINKS[:2]
_ROUNDS = 3
_APPS = ("lab", "notebooks")


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What to measure."""

    rounds: int
    links: tuple[Link, ...]
    app: str
    locking: bool
    output: Path


def main() -> None:
    """Measure, and write the results when all of it is there."""
    options = _parse()
    # As a signal it would leave the browser and its profile behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    begin = time.monotonic()
    sites = make_sites(locking=options.locking)
    builds = build_in_turn(sites, options.rounds)
    visited = [site for site in sites if site.is_visited]
    checks, visits, failures = asyncio.run(measure(visited, options))
    about = about_visits(options.rounds, time.monotonic() - begin) | {
        "app": options.app,
        "builds": [[site.key, site.label] for site in sites],
        "jupyterlite": JUPYTERLITE,
        "sites": [[site.key, site.label] for site in visited],
    }
    result = {
        "about": about,
        "builds": [dataclasses.asdict(built) for built in builds],
        "checks": checks_as_json(checks),
        "failures": failures,
        "visits": [dataclasses.asdict(visit) for visit in visits],
    }
    options.output.mkdir(parents=True, exist_ok=True)
    write_json(options.output / "results.json", result)
    render(options.output)
    if failures or not all(check.holds for check in checks):
        raise SystemExit("error: some visits failed, or the link did not hold: see the report")


def render(output: Path) -> None:
    """Write the tables from ``results.json``; of a full run also those of the documents."""
    result = json.loads((output / "results.json").read_text(encoding="utf-8"))
    figures = Figures(
        visits=tuple(visit_from(fields) for fields in result["visits"]),
        builds=tuple(Built(**fields) for fields in result["builds"]),
    )
    print(write_report(figures, result, output / "results.md"))
    if output == HERE and not result["failures"]:
        tell(figures, result["about"])


def build_in_turn(sites: Sequence[Site], rounds: int) -> list[Built]:
    """Build each site from nothing and once more, in an order that turns with the round; the last ones are visited."""
    made = []
    for number in range(rounds):
        for place in range(len(sites)):
            site = sites[(place + number) % len(sites)]
            for build in BUILDS:
                built = run_build(site, build, number)
                moved = f"{built.size / 1e6:.2f} MB in {built.files} files"
                say(f"[{number + 1}/{rounds}] build of {site.key}, {build}: {built.wall:.2f} s, {moved}")
                made.append(built)
    return made


async def measure(sites: Sequence[Site], options: Options) -> tuple[list[LinkCheck], list[Visit], list[str]]:
    """All rounds; each link in turn, and on each link the sites in an order that turns with the round."""
    chromium, encoder = find_chromium(), Encoder(WORK / "encoded")
    visits: list[Visit] = []
    failures: list[str] = []
    with CountingServer() as server:
        say("compressing what is not compressed yet")
        for site in sites:
            server.add(load_tree(site.output, f"/{site.key}/", "gzip", encoder))
        checks = await check_links(chromium, server, encoder, options.links)
        turns = [(number, link) for number in range(options.rounds) for link in options.links]
        for turn, (number, link) in enumerate(turns):
            for place in range(len(sites)):
                site = sites[(place + number) % len(sites)]
                say(f"[{turn + 1}/{len(turns)}] round {number + 1}, {link.label}: {site.key}")
                run = partial(visit_in_turn, chromium, server, site, link, app=options.app, number=number)
                made, failure = await attempt(run, _line)
                visits += made
                failures += failure
    return checks, visits, failures


def _line(visit: Visit) -> str:
    first, numpy = (visit.marks[cell.key] for cell in (FIRST, NUMPY))
    moved = f"{numpy.requests} requests, {numpy.wire / 1e3:,.0f} kB ({numpy.seen / 1e3:,.0f} seen)"
    return f"{visit.occasion}: asked {visit.asked:.2f} s, 1+1 {first.seconds:.2f}, numpy {numpy.seconds:.2f}, {moved}"


def _parse() -> Options:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.jupyterlite", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round; results below .build only")
    parser.add_argument("--rounds", type=int, default=_ROUNDS)
    keys = [link.key for link in _LINKS]
    parser.add_argument("--links", nargs="+", choices=keys, default=keys)
    parser.add_argument("--app", choices=_APPS, default=_APPS[0], help="which application opens the notebook")
    parser.add_argument("--no-locking", action="store_true", help="leave out the build from an environment file")
    parser.add_argument("-o", "--output", type=Path, help="folder of the results; by default this one, of a full run")
    parser.add_argument("--render", action="store_true", help="measure nothing: write the tables from results.json")
    given = parser.parse_args()
    rounds = 1 if given.quick else given.rounds
    is_whole = rounds >= _ROUNDS and set(given.links) == set(keys) and given.app == _APPS[0] and not given.no_locking
    output = given.output or (HERE if is_whole or given.render else WORK / "results" / "jupyterlite")
    if given.render:
        render(output.resolve())
        raise SystemExit
    return Options(
        rounds=rounds,
        links=tuple(link for link in _LINKS if link.key in given.links),
        app=given.app,
        locking=not given.no_locking,
        output=output.resolve(),
    )


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        raise SystemExit("interrupted: nothing was written") from None
