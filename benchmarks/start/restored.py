"""Measures second visits that are restored from a snapshot, beside plain ones and others' own, in one run in turns.

Example: python -m benchmarks.start.restored --quick
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import signal
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.browser.model import FIRST, LINKS, NUMPY, Cell, Mark
from benchmarks.browser.server import CountingServer, Encoder, load_tree
from benchmarks.browser.visits import attempt
from benchmarks.common import ROOT, WORK, about_visits, conditions, markdown_table, median, say, write_json
from benchmarks.environments import LEAN, make_environment
from benchmarks.science.model import PEER, turned
from benchmarks.science.trees import CHANNEL as PYODIDE
from benchmarks.science.trees import pyodides
from benchmarks.start.model import Visit
from benchmarks.start.ours import ours
from benchmarks.start.peers import eager_today
from benchmarks.start.visit import visit_in_turn
from benchmarks.targets import Target
from lite_env.host.find import find_chromium
from lite_env.store.atomic import write_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from benchmarks.environments import Environment
    from benchmarks.start.model import Variant

HERE = Path(__file__).parent
_ROUNDS = 5
_WAYS = _PLAIN, _RESTORED, _SHIPPED, _PRELOADED = "plain", "restored", "shipped", "preloaded"
_OFF = "?snapshot=off"
_KEPT = """(async () => {
  const isKept = () => Object.keys(localStorage).some(key => key.startsWith('lite-env-snapshot '));
  while (!isKept()) await new Promise(resolve => setTimeout(resolve, 20));
})()"""
_KEPT_WITH_MODULES = """(async () => {
  const has = prefix => Object.keys(localStorage).some(key => key.startsWith(prefix));
  const until = async condition => {
    while (!condition()) await new Promise(resolve => setTimeout(resolve, 20));
  };
  await until(() => has('lite-env-snapshot '));
  // The second worker says that it has begun, and that it is done.
  await until(() => has('lite-env-preload '));
  await until(() => !has('lite-env-preload '));
})()"""
NEWEST = ROOT / "channels" / "pyodide-314"
PANDAS = Cell(key="pandas", code="import pandas; print(pandas.DataFrame({'a': [1, 2]}).a.sum())", expected="3")
_STACK = ("numpy", "pandas", "pyodide-kernel")


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """What is compared with each other.

    Attributes:
        key: short name, with which the keys of its variants begin.
        title: in the report.
        cells: what visits run after their start.
        variants: ours in each of its ways, and others'.
        targets: of a way and what is compared, the ratio to the plain second visit that is to be reached.
    """

    key: str
    title: str
    cells: tuple[Cell, ...]
    variants: tuple[Variant, ...]
    targets: tuple[tuple[str, str, float], ...]


def xeus_python() -> Group:
    """xeus-python with numpy; beside it jupyterlite-xeus with the same packages, and Pyodide's own loading."""
    lean = make_environment("lean", LEAN)
    science = make_environment("pandas", _STACK, channel=PYODIDE)
    own = _ours(lean, "xpython", (_PLAIN, _RESTORED, _SHIPPED))
    others = _others("xpython", eager_today(lean), "b")
    targets = ((_RESTORED, "ready", 0.35), (_PRELOADED, NUMPY.key, 0.35))
    preloaded = make_environment("lean-preloaded", LEAN, preload=("numpy",))
    variants = (
        *own,
        *_ours(preloaded, "xpython", (_PRELOADED,)),
        *others,
        *_others("xpython", pyodides(science), PEER),
    )
    return Group(key="xpython", title="xeus-python", cells=(FIRST, NUMPY), variants=variants, targets=targets)


def pandas() -> Group:
    """Pyodide 0.27 with pandas; beside it Pyodide's own loading."""
    science = make_environment("pandas", _STACK, channel=PYODIDE)
    preloaded = make_environment("pandas-preloaded", _STACK, channel=PYODIDE, preload=("pandas",))
    own = (*_ours(science, "pandas", (_PLAIN, _RESTORED)), *_ours(preloaded, "pandas", (_PRELOADED,)))
    return Group(
        key="pandas",
        title="Pyodide 0.27 with pandas",
        cells=(FIRST, PANDAS),
        variants=(*own, *_others("pandas", pyodides(science), PEER)),
        targets=((_PRELOADED, PANDAS.key, 0.25),),
    )


def newest() -> Group:
    """Pyodide 314, as it is."""
    bare = make_environment("newest", ("pyodide-kernel",), channel=NEWEST)
    return Group(
        key="newest",
        title="Pyodide 314",
        cells=(FIRST,),
        variants=tuple(_ours(bare, "newest", (_PLAIN, _RESTORED))),
        targets=((_RESTORED, "ready", 0.35),),
    )


_GROUPS: dict[str, Callable[[], Group]] = {"xpython": xeus_python, "pandas": pandas, "newest": newest}


def _ours(environment: Environment, group: str, ways: Iterable[str]) -> Iterable[Variant]:
    """Our site in each of these ways."""
    made = ours(environment, key=f"{group}-{environment.name}", label="lite_env", own_page=True)
    for way in ways:
        variant = replace(made, key=f"{group}-{way}", label=f"lite_env, {way}")
        if way == _PLAIN:
            yield replace(variant, page=_OFF)
        elif way == _SHIPPED:
            tree = ours(environment, key=f"{group}-shipped", label="", own_page=True, snapshot=True).tree
            yield replace(variant, tree=tree, settled=_KEPT)
        else:
            yield replace(variant, settled=_KEPT_WITH_MODULES if way == _PRELOADED else _KEPT)


def _with_ways(group: Group, ways: Sequence[str] | None) -> Group:
    """The group with ours in these ways alone; as it is where nobody says any."""
    keys = {f"{group.key}-{way}" for way in ways or ()}
    variants = tuple(variant for variant in group.variants if variant.key in keys) if ways else group.variants
    return replace(group, variants=variants)


def _others(group: str, made: Iterable[Variant], key: str) -> Iterable[Variant]:
    return [replace(variant, key=f"{group}-{key}") for variant in made if variant.key == key]


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """All visits of a run."""

    visits: tuple[Visit, ...]

    def values(self, variant: str, goal: str, occasion: str) -> list[float]:
        """Seconds from the opening of the page to that goal, of each round."""
        found = []
        for visit in self.visits:
            keys = list(visit.marks)
            if (visit.variant, visit.occasion) == (variant, occasion) and goal in keys:
                found.append(sum(visit.marks[key].seconds for key in keys[: keys.index(goal) + 1]))
        return found

    def ratio(self, one: str, other: str, goal: str, occasion: str) -> float | None:
        """Of two medians."""
        first, second = (median(self.values(variant, goal, occasion)) for variant in (one, other))
        return None if first is None or not second else first / second


def main() -> None:
    """Measure, and write the results when all of it is there."""
    given, output = _parse()
    # As a signal it would leave the browser and its profile behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    groups = [_with_ways(_GROUPS[key](), given.ways) for key in given.groups]
    begin = time.monotonic()
    rounds = 1 if given.quick else given.rounds
    visits, failures = asyncio.run(measure(groups, rounds))
    result = {
        "about": about_visits(rounds, time.monotonic() - begin),
        "failures": failures,
        "groups": [_told(group) for group in groups],
        "visits": [_fields(visit) for visit in visits],
    }
    output.mkdir(parents=True, exist_ok=True)
    write_json(output / "restored.json", result)
    render(output)
    if failures:
        raise SystemExit("error: some visits failed: see the report")


async def measure(groups: Sequence[Group], rounds: int) -> tuple[list[Visit], list[str]]:
    """All rounds; in each the groups, and in each group the variants in an order that turns with the round."""
    chromium, encoder = find_chromium(), Encoder(WORK / "encoded")
    visits: list[Visit] = []
    failures: list[str] = []
    with CountingServer() as server:
        for variant in {variant.key: variant for group in groups for variant in group.variants}.values():
            server.add(load_tree(variant.tree, f"/gzip/{variant.key}/", "gzip", encoder))
        for number in range(rounds):
            for group in groups:
                for variant in turned(list(group.variants), number):
                    say(f"[{number + 1}/{rounds}] {group.title}: {variant.label}")
                    run = partial(visit_in_turn, chromium, server, variant, LINKS[0], encoding="gzip", number=number)
                    made, failure = await attempt(partial(run, cells=[group.cells] * 2), _line)
                    visits += made
                    failures += failure
    return visits, failures


def render(output: Path) -> None:
    """Write the tables from ``restored.json``."""
    result = json.loads((output / "restored.json").read_text(encoding="utf-8"))
    figures = Figures(visits=tuple(_visit(fields) for fields in result["visits"]))
    about = result["about"]
    parts = [
        f"# Restored visits\n\n{about['date']}, commit {about['commit']}, {about['browser']}, {conditions(about)}.",
        "Seconds from the opening of the page to the kernel's first answer, and to the result of each cell.",
    ]
    parts += [part for group in result["groups"] for part in _section(group, figures)]
    if result["failures"]:
        parts += ["## Failures", "".join(f"* {failure.splitlines()[0]}\n" for failure in result["failures"])]
    text = "\n\n".join(part.strip("\n") for part in parts) + "\n"
    write_text(output / "restored.md", text)
    print(text)


def _section(group: dict[str, Any], figures: Figures) -> Iterable[str]:
    goals = ["ready", *group["cells"]]
    yield f"## {group['title']}"
    for occasion in ("first", "second"):
        rows = [
            [label, *(_spread(figures.values(key, goal, occasion)) for goal in goals)]
            for key, label in group["variants"]
        ]
        yield markdown_table([f"{occasion} visit", *goals], rows)
    plain, restored = (f"{group['key']}-{way}" for way in (_PLAIN, _RESTORED))
    targets = [
        Target(
            what=f"{goal} of the second visit, {way} to plain",
            limit=limit,
            found=figures.ratio(f"{group['key']}-{way}", plain, goal, "second"),
        )
        for way, goal, limit in group["targets"]
    ]
    targets.append(
        Target(
            what="ready of the first visit, which leaves a snapshot, to that of one that does not",
            limit=1.02,
            found=figures.ratio(restored, plain, "ready", "first"),
        )
    )
    rows = [
        [target.what, f"≤ {target.limit:.2f}", "-" if target.found is None else f"{target.found:.2f}", target.verdict]
        for target in targets
    ]
    yield markdown_table(["ratio", "target", "measured", ""], rows)


def _spread(values: Sequence[float]) -> str:
    middle = median(values)
    return "-" if middle is None else f"{middle:.2f} ({min(values):.2f}-{max(values):.2f})"


def _told(group: Group) -> dict[str, Any]:
    return {
        "key": group.key,
        "title": group.title,
        "cells": [cell.key for cell in group.cells],
        "variants": [[variant.key, variant.label] for variant in group.variants],
        "targets": group.targets,
    }


def _fields(visit: Visit) -> dict[str, Any]:
    """Marks in their order, which sorted objects would not keep."""
    fields = dataclasses.asdict(visit)
    return fields | {"marks": list(fields["marks"].items())}


def _visit(fields: dict[str, Any]) -> Visit:
    return Visit(**fields | {"marks": {key: Mark(**mark) for key, mark in fields["marks"]}})


def _line(visit: Visit) -> str:
    cells = ", ".join(f"{key} {mark.seconds:.2f}" for key, mark in visit.marks.items())
    return f"{visit.occasion}: {cells}"


def _parse() -> tuple[argparse.Namespace, Path]:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.start.restored", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round; results below .build only")
    parser.add_argument("--rounds", type=int, default=_ROUNDS)
    parser.add_argument("--groups", nargs="+", choices=list(_GROUPS), default=list(_GROUPS))
    parser.add_argument("--ways", nargs="+", choices=_WAYS, help="ours in these ways, and nothing of others")
    parser.add_argument("-o", "--output", type=Path, help="folder of the results; by default this one, of a full run")
    parser.add_argument("--render", action="store_true", help="measure nothing: write the tables from restored.json")
    given = parser.parse_args()
    is_whole = not given.quick and given.rounds >= _ROUNDS and set(given.groups) == set(_GROUPS) and not given.ways
    output = given.output or (HERE if is_whole or given.render else WORK / "results")
    if given.render:
        render(output)
        raise SystemExit
    return given, output


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        raise SystemExit("interrupted: nothing was written") from None
