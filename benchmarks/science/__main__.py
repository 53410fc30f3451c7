"""Measures the scientific stack in one Chromium from one server, in one run, the variants taking turns.

Example: python -m benchmarks.science --quick
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.browser.check import LinkCheck, check_links
from benchmarks.browser.link_report import checks_as_json
from benchmarks.browser.model import FIRST, LINKS, Link
from benchmarks.browser.server import CountingServer, Encoder, load_tree
from benchmarks.browser.visits import attempt
from benchmarks.common import WORK, about_visits, say, write_json
from benchmarks.science.figures import Figures
from benchmarks.science.model import (
    ALONE,
    BARE,
    EARLY,
    OURS,
    PEER,
    PLAIN,
    UNTRACED,
    Trip,
    courses,
    fields_of,
    trip_from,
    turned,
)
from benchmarks.science.report import write_report
from benchmarks.science.trees import make_variants
from benchmarks.start.ours import untraced_in
from benchmarks.start.peers import TREES
from benchmarks.start.visit import visit_in_turn
from lite_env.host.find import find_chromium

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.science.model import Course
    from benchmarks.start.model import Variant, Visit

HERE = Path(__file__).parent
_LINKS = LINKS[:2]
_ROUNDS = 3
_VARIANTS = (OURS, PLAIN, PEER, EARLY, ALONE, BARE)
_DEFAULT = (OURS, PLAIN, PEER, ALONE, BARE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What to measure."""

    rounds: int
    links: tuple[Link, ...]
    variants: tuple[str, ...]
    courses: tuple[Course, ...]
    output: Path


def main() -> None:
    """Measure, and write the results when all of it is there."""
    options = _parse()
    # As a signal it would leave the browser and its profile behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    variants = make_variants(options.variants)
    begin = time.monotonic()
    checks, trips, failures = asyncio.run(measure(variants, options))
    result = {
        "about": _about(options, variants, time.monotonic() - begin),
        "checks": checks_as_json(checks),
        "failures": failures,
        "trips": [fields_of(trip) for trip in trips],
    }
    options.output.mkdir(parents=True, exist_ok=True)
    write_json(options.output / "results.json", result)
    render(options.output)
    if failures or not all(check.holds for check in checks):
        raise SystemExit("error: some visits failed, or the link did not hold: see the report")


def render(output: Path) -> None:
    """Write the tables from ``results.json``."""
    result = json.loads((output / "results.json").read_text(encoding="utf-8"))
    figures = Figures(trips=tuple(trip_from(fields) for fields in result["trips"]))
    print(write_report(figures, result, output / "results.md"))


async def measure(variants: Sequence[Variant], options: Options) -> tuple[list[LinkCheck], list[Trip], list[str]]:
    """All rounds: on each link each course, made by its variants in an order that turns with the round."""
    chromium, encoder = find_chromium(), Encoder(WORK / "encoded")
    trips: list[Trip] = []
    failures: list[str] = []
    with CountingServer() as server:
        say("compressing what is not compressed yet")
        for variant in variants:
            server.add(load_tree(variant.tree, f"/gzip/{variant.key}/", "gzip", encoder))
        checks = await check_links(chromium, server, encoder, options.links)
        turns = [
            (number, link, course)
            for number in range(options.rounds)
            for link in options.links
            for course in options.courses
        ]
        for turn, (number, link, course) in enumerate(turns):
            for variant in turned([one for one in variants if course.is_made_by(one)], turn + number):
                say(f"[{turn + 1}/{len(turns)}] round {number + 1}, {link.label}, {course.key}: ({variant.key})")
                run = partial(visit_in_turn, chromium, server, variant, link, encoding="gzip", number=number)
                visits, failure = await attempt(
                    partial(run, cells=[course.cells_of(variant)] * course.visits_on(link)), _line
                )
                trips += [Trip(course=course.key, visit=visit) for visit in visits]
                failures += [f"{course.key}: {reason}" for reason in failure]
    return checks, trips, failures


def _line(visit: Visit) -> str:
    *_, last = visit.marks.values()
    cells = ", ".join(f"{key} {mark.seconds:.2f}" for key, mark in visit.marks.items())
    moved = f"{last.requests} requests, {last.wire / 1e3:,.0f} kB ({last.seen / 1e3:,.0f} seen)"
    return f"{visit.occasion}: {cells}; {moved}, peak {(last.peak or 0) / 1e6:.0f} MB"


def _about(options: Options, variants: Sequence[Variant], seconds: float) -> dict[str, Any]:
    packs = {variant.key: TREES / f"{variant.key}-pack" for variant in variants}
    return about_visits(options.rounds, seconds) | {
        "untraced": {key: untraced_in(pack, (UNTRACED,)) for key, pack in packs.items() if pack.is_dir()},
        "variants": [[variant.key, variant.label] for variant in variants],
    }


def _parse() -> Options:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.science", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round; results below .build only")
    parser.add_argument("--rounds", type=int, default=_ROUNDS)
    keys = [link.key for link in _LINKS]
    goals = [course.key for course in courses()]
    parser.add_argument("--links", nargs="+", choices=keys, default=keys)
    parser.add_argument("--variants", nargs="+", choices=_VARIANTS, default=_DEFAULT)
    parser.add_argument(
        "--courses", nargs="+", choices=goals, default=goals, help=f"besides {FIRST.key}, which all pass"
    )
    parser.add_argument("-o", "--output", type=Path, help="folder of the results; by default this one, of a full run")
    parser.add_argument("--render", action="store_true", help="measure nothing: write the tables from results.json")
    given = parser.parse_args()
    rounds = 1 if given.quick else given.rounds
    missing = {*keys, *_DEFAULT, *goals} - {*given.links, *given.variants, *given.courses}
    is_whole = rounds >= _ROUNDS and not missing
    output = (given.output or (HERE if is_whole or given.render else WORK / "results" / "science")).resolve()
    if given.render:
        render(output)
        raise SystemExit
    return Options(
        rounds=rounds,
        links=tuple(link for link in _LINKS if link.key in given.links),
        variants=tuple(given.variants),
        courses=tuple(course for course in courses() if course.key in given.courses),
        output=output,
    )


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        raise SystemExit("interrupted: nothing was written") from None
