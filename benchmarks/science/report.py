"""The results as Markdown: figures by link, what the targets say, where the seconds go, and checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.browser.link_report import CHECKS_NOTE, check_rows, visit_row
from benchmarks.browser.model import FIRST, LINKS
from benchmarks.common import conditions, markdown_table, median
from benchmarks.science.figures import targets
from benchmarks.science.model import GOALS, NOTEBOOK, OURS, PEER, UNTRACED
from benchmarks.science.notebook import notebook_cells
from lite_env.store.atomic import write_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from benchmarks.browser.model import Link
    from benchmarks.science.figures import Figures
    from benchmarks.start.model import Occasion

_NONE = "-"
_ENDS = (FIRST.key, NOTEBOOK)
_OCCASIONS: tuple[Occasion, ...] = ("first", "second")
_CELLS_NOTE = (
    "Seconds of each cell of the notebook by itself. Pyodide's way loads what a cell imports before it runs it, and "
    "so the packages' bytes and their unpacking are in the cells; so are the bytes of ours."
)
_LINK_NOTE = (
    "What the first visit moves divided by the link, what is left to do when nothing has to be moved (the second "
    "visit, unthrottled), and what came of both."
)


def write_report(figures: Figures, result: dict[str, Any], path: Path) -> str:
    """Write the Markdown, and give it."""
    about = result["about"]
    links = [link for link in LINKS if link.key in figures.links]
    parts = [_head(about)]
    for link in links:
        for occasion in _OCCASIONS:
            parts += [f"## {link.label}, {occasion} visit", _seconds(figures, about, link, occasion)]
            parts.append(_moved(figures, about, link, occasion))
    parts += ["## Targets", _targets(figures)]
    parts += ["## The notebook's cells", _CELLS_NOTE, _cells(figures, about, links)]
    parts += ["## What the link takes", _LINK_NOTE, _limits(figures, about, links)]
    parts += ["## Checks", CHECKS_NOTE, _checks(figures, result["checks"], about, links), _untraced(about)]
    if result["failures"]:
        parts += ["## Failures", "".join(f"* {failure.splitlines()[0]}\n" for failure in result["failures"])]
    text = "\n\n".join(part.strip("\n") for part in parts if part) + "\n"
    write_text(path, text)
    return text


def _head(about: dict[str, Any]) -> str:
    return (
        f"# The scientific stack\n\n{about['date']}, commit {about['commit']}, {about['browser']}, "
        f"{conditions(about)}.\n\n"
        "Seconds from the opening of the page to the result: of `1+1`, of an import in the next cell, of all cells of "
        f"the notebook. `{UNTRACED}` is of the standard library, and no trace saw it. MB: what the server sent until "
        "then, headers included; in brackets requests. CPU: of all processes of the browser. Peak: memory of the "
        "page's process."
    )


def _rows(about: dict[str, Any], cells: Callable[[str], Sequence[str]]) -> list[list[str]]:
    rows = [[f"({key}) {label}", *cells(key)] for key, label in about["variants"]]
    return [row for row in rows if set(row[1:]) != {_NONE}]


def _seconds(figures: Figures, about: dict[str, Any], link: Link, occasion: Occasion) -> str:
    def cells(key: str) -> list[str]:
        return [_spread(figures.values("seconds", goal, key, link.key, occasion=occasion)) for goal in GOALS]

    ratios = [_text(figures.ratio("seconds", goal, link.key, occasion=occasion)) for goal in GOALS]
    header = ["s", *GOALS]
    return markdown_table(header, [*_rows(about, cells), [f"({OURS}) to ({PEER})", *ratios]])


def _moved(figures: Figures, about: dict[str, Any], link: Link, occasion: Occasion) -> str:
    # At a second visit the largest process may still be that of the first one's page.
    is_first = occasion == "first"

    def cells(key: str) -> list[str]:
        def value(measure: str, goal: str, unit: float, form: str) -> str:
            return _text(figures.median(measure, goal, key, link.key, occasion=occasion), unit, form)

        moved = [(value("wire", goal, 1e6, ".2f"), value("requests", goal, 1, ",.0f")) for goal in GOALS]
        return [
            *(wire if wire == _NONE else f"{wire} ({requests})" for wire, requests in moved),
            *(value("cpu", goal, 1, ".2f") for goal in _ENDS),
            *(value("peak", goal, 1e6, ".0f") for goal in _ENDS if is_first),
        ]

    header = ["MB", *GOALS, *(f"CPU, {goal}, s" for goal in _ENDS)]
    header += [f"peak, {goal}, MB" for goal in _ENDS if is_first]
    return markdown_table(header, _rows(about, cells))


def _targets(figures: Figures) -> str:
    rows = [[target.what, f"≤ {target.limit:.2f}", _text(target.found), target.verdict] for target in targets(figures)]
    return markdown_table(["lite_env to Pyodide's way", "target", "measured", ""], rows)


def _cells(figures: Figures, about: dict[str, Any], links: Sequence[Link]) -> str:
    keys = ("ready", FIRST.key, *(cell.key for cell in notebook_cells()))
    rows = [
        [f"({key}) {link.label}, {occasion} visit", *cells]
        for occasion in _OCCASIONS
        for link in links
        for key, _label in about["variants"]
        for cells in [[_text(figures.cell(at, NOTEBOOK, key, link.key, occasion=occasion)) for at in keys]]
        if set(cells) != {_NONE}
    ]
    return markdown_table(["s", *keys], rows)


def _limits(figures: Figures, about: dict[str, Any], links: Sequence[Link]) -> str:
    rows = []
    for link in links:
        for goal in GOALS:
            for key, _label in about["variants"]:
                moved, reached = (figures.median(measure, goal, key, link.key) for measure in ("wire", "seconds"))
                work = figures.median("seconds", goal, key, LINKS[0].key, occasion="second")
                if link.throughput and moved is not None and reached is not None:
                    transfer = moved * 8 / link.throughput
                    rows.append([f"({key}) {goal}, {link.label}", *map(_text, (transfer, work, reached))])
    return markdown_table(["first visit", "on the link, s", "work, s", "reached, s"], rows) if rows else ""


def _checks(figures: Figures, checks: Sequence[dict[str, Any]], about: dict[str, Any], links: Sequence[Link]) -> str:
    rows = check_rows(checks)
    for key, _label in about["variants"]:
        for link in links:
            for goal in GOALS:
                seen, reached = (figures.median(measure, goal, key, link.key) for measure in ("seen", "seconds"))
                row = visit_row(f"{link.key}, ({key}) {goal}", link, seen=seen, seconds=reached)
                rows += [row] if row else []
    return markdown_table(["", "link makes it, s", "measured, s", ""], rows)


def _untraced(about: dict[str, Any]) -> str:
    told = ", ".join(f"({key}) `{load}`" for key, loads in about["untraced"].items() for load in loads.values())
    return f"How the archive loads that holds `{UNTRACED}` (`demand`: no trace saw it): {told or _NONE}."


def _text(value: float | None, unit: float = 1, form: str = ".2f") -> str:
    return _NONE if value is None else format(value / unit, form)


def _spread(values: Sequence[float]) -> str:
    return f"{_text(median(values))} ({min(values):.2f}-{max(values):.2f})" if values else _NONE
