"""Measures starts in one Chromium from one server, in one run, the variants taking turns.

Example: python -m benchmarks.start --quick
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
from typing import TYPE_CHECKING, Any, get_args

from benchmarks.browser.check import LinkCheck, check_links
from benchmarks.browser.link_report import checks_as_json
from benchmarks.browser.model import FIRST, LINKS, NUMPY, Encoding, Link, Mark
from benchmarks.browser.server import CountingServer, Encoder, load_tree
from benchmarks.browser.visits import attempt
from benchmarks.common import WORK, about_visits, say
from benchmarks.environments import FULL, LEAN, make_environment
from benchmarks.start.before import ours_before
from benchmarks.start.figures import Figures
from benchmarks.start.model import OCCASIONS, UNTRACED, Variant, Visit, import_cell
from benchmarks.start.ours import ours, untraced_in
from benchmarks.start.peers import TREES, eager_2023, eager_today
from benchmarks.start.plot import write_plot
from benchmarks.start.report import write_report
from benchmarks.start.visit import visit_in_turn
from lite_env.host.find import find_chromium
from lite_env.store.atomic import write_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.browser.model import Cell

HERE = Path(__file__).parent
_VARIANTS = ("a", "b", "m", "c", "sources", "lean")
_DEFAULT = ("a", "b", "c", "lean")
_BROTLI_LINK = "10mbit"  # what an encoding changes is bytes: one link shows it
_ROUNDS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What to measure."""

    rounds: int
    links: tuple[Link, ...]
    variants: tuple[str, ...]
    encodings: tuple[Encoding, ...]
    visits: int
    before: str | None
    own_page: bool
    output: Path


def main() -> None:
    """Measure, and write the results when all of it is there."""
    options = _parse()
    # As a signal it would leave the browser and its profile behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    begin = time.monotonic()
    variants = make_variants(options)
    checks, visits, failures = asyncio.run(measure(variants, options))
    result = {
        "about": _about(options, variants, time.monotonic() - begin),
        "checks": checks_as_json(checks),
        "failures": failures,
        "visits": [dataclasses.asdict(visit) for visit in visits],
    }
    options.output.mkdir(parents=True, exist_ok=True)
    write_text(options.output / "results.json", _as_text(result))
    render(options.output)
    if failures or not all(check.holds for check in checks):
        raise SystemExit("error: some visits failed, or the link did not hold: see the report")


def _as_text(result: dict[str, Any]) -> str:
    """As JSON, a line a visit: there are hundreds."""
    visits = ",\n".join(json.dumps(visit, sort_keys=True) for visit in result["visits"])
    rest = json.dumps(result | {"visits": []}, indent=1, sort_keys=True)
    return rest.replace('"visits": []', f'"visits": [\n{visits}\n]') + "\n"


def render(output: Path) -> None:
    """Write table and plot from ``results.json``."""
    result = json.loads((output / "results.json").read_text(encoding="utf-8"))
    figures = Figures(visits=tuple(_visit(fields) for fields in result["visits"]))
    write_plot(figures, result["about"], output / "plot.svg")
    print(write_report(figures, result, output / "results.md"))


def _visit(fields: dict[str, Any]) -> Visit:
    return Visit(**fields | {"marks": {key: Mark(**mark) for key, mark in fields["marks"].items()}})


def make_variants(options: Options) -> list[Variant]:
    """Make the trees of the variants that are wanted, in their order."""
    made: list[Variant] = []
    if "a" in options.variants:
        made.append(eager_2023())
    if {"b", "m", "c", "sources"} & set(options.variants) or options.before is not None:
        full = make_environment("full", FULL)
        if {"b", "m"} & set(options.variants):
            made += [variant for variant in eager_today(full) if variant.key in options.variants]
        if "c" in options.variants:
            made.append(ours(full, key="c", label="lite_env", own_page=options.own_page))
        if options.before is not None:
            made.append(ours_before(full, options.before))
        if "sources" in options.variants:
            label = "lite_env --no-bytecode"
            made.append(ours(full, key="sources", label=label, own_page=options.own_page, bytecode=False))
    if "lean" in options.variants:
        lean = make_environment("lean", LEAN)
        label = f"lite_env, {lean.packages} packages"
        made.append(ours(lean, key="lean", label=label, own_page=options.own_page))
    return made


async def measure(variants: Sequence[Variant], options: Options) -> tuple[list[LinkCheck], list[Visit], list[str]]:
    """All rounds; each link in turn, and on each link the variants in an order that turns with the round."""
    chromium, encoder = find_chromium(), Encoder(WORK / "encoded")
    visits: list[Visit] = []
    failures: list[str] = []
    with CountingServer() as server:
        for encoding in options.encodings:
            say(f"compressing ({encoding}) what is not compressed yet")
            for variant in variants:
                server.add(load_tree(variant.tree, f"/{encoding}/{variant.key}/", encoding, encoder))
        checks = await check_links(chromium, server, encoder, options.links)
        turns = [
            (encoding, number, link)
            for encoding in options.encodings
            for number in range(options.rounds)
            for link in options.links
            if encoding == "gzip" or link.key == _BROTLI_LINK
        ]
        for turn, (encoding, number, link) in enumerate(turns):
            for place in range(len(variants)):
                variant = variants[(place + number) % len(variants)]
                say(f"[{turn + 1}/{len(turns)}] {encoding}, round {number + 1}, {link.label}: ({variant.key})")
                run = partial(visit_in_turn, chromium, server, variant, link, encoding=encoding, number=number)
                cells = (_cells(variant, number), *[(FIRST, NUMPY)] * (options.visits - 1))
                made, failure = await attempt(partial(run, cells=cells), _line)
                visits += made
                failures += failure
    return checks, visits, failures


def _cells(variant: Variant, number: int) -> tuple[Cell, ...]:
    """What a first visit runs. The imports' order turns with the round: each is the first one once."""
    modules = list(UNTRACED)
    turned = modules[number % len(modules) :] + modules[: number % len(modules)]
    return (FIRST, NUMPY, *(import_cell(module) for module in turned if module not in variant.lacks))


def _line(visit: Visit) -> str:
    ready = visit.marks["ready"]
    cells = ", ".join(f"{key} {mark.seconds:.2f}" for key, mark in visit.marks.items() if key != "ready")
    peak = max((mark.peak or 0 for mark in visit.marks.values()), default=0)
    moved = f"{ready.requests} requests, {ready.wire / 1e3:,.0f} kB ({ready.seen / 1e3:,.0f} seen)"
    return f"{visit.occasion}: ready {ready.seconds:.2f} s, {moved}, then {cells}; peak {peak / 1e6:.0f} MB"


def _about(options: Options, variants: Sequence[Variant], seconds: float) -> dict[str, Any]:
    packs = {variant.key: TREES / f"{variant.key}-pack" for variant in variants}
    return about_visits(options.rounds, seconds) | {
        "page": "lite-env site" if options.own_page else "the benchmark's page",
        "untraced": {key: untraced_in(pack) for key, pack in packs.items() if pack.is_dir()},
        "variants": [[variant.key, variant.label] for variant in variants],
    }


def _parse() -> Options:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.start", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round, unthrottled, gzip; results below .build only")
    parser.add_argument("--rounds", type=int, default=_ROUNDS)
    keys = [link.key for link in LINKS]
    parser.add_argument("--links", nargs="+", choices=keys, default=keys, help="besides the first, which always is")
    parser.add_argument("--variants", nargs="+", choices=_VARIANTS, default=_DEFAULT)
    parser.add_argument("--encodings", nargs="+", choices=get_args(Encoding), default=get_args(Encoding))
    parser.add_argument("--visits", type=int, choices=range(1, len(OCCASIONS) + 1), default=len(OCCASIONS))
    parser.add_argument("--before", metavar="REV", help="also the site that this commit's lite_env makes, in turns")
    parser.add_argument("--page", choices=["site", "bench"], default="site", help="which page starts our worker")
    parser.add_argument("-o", "--output", type=Path, help="folder of the results; by default this one, of a full run")
    parser.add_argument("--render", action="store_true", help="measure nothing: table and plot from results.json")
    given = parser.parse_args()
    missing = {*keys, *_DEFAULT, *get_args(Encoding)} - {*given.links, *given.variants, *given.encodings}
    whole = not missing and given.rounds >= _ROUNDS and given.visits == len(OCCASIONS)
    is_partial = (given.quick or not whole) and not given.render
    output = given.output or (WORK / "results" if is_partial else HERE)
    if given.render:
        render(output)
        raise SystemExit
    return Options(
        rounds=1 if given.quick else given.rounds,
        links=tuple(link for link in LINKS if (link.key in given.links and not given.quick) or link is LINKS[0]),
        variants=tuple(given.variants),
        encodings=("gzip",) if given.quick else tuple(given.encodings),
        visits=given.visits,
        before=given.before,
        own_page=given.page == "site",
        output=output,
    )


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        raise SystemExit("interrupted: nothing was written") from None
