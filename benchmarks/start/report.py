"""The results as Markdown: figures by link, what the targets say, and what shows that the measurement holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.browser.link_report import check_rows, visit_row
from benchmarks.browser.model import LINKS
from benchmarks.common import conditions, markdown_table
from benchmarks.start.figures import OURS, targets
from benchmarks.start.model import OCCASIONS, UNTRACED
from lite_env.store.atomic import write_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from benchmarks.browser.model import Encoding, Link
    from benchmarks.start.figures import Figures
    from benchmarks.start.model import Occasion

_NONE = "-"


def write_report(figures: Figures, result: dict[str, Any], path: Path) -> str:
    """Write the Markdown, and give it."""
    about = result["about"]
    links = [link for link in LINKS if link.key in figures.links]
    parts = [_head(about)]
    for link in links:
        further = [_further_visit(figures, about, link, occasion) for occasion in OCCASIONS[1:]]
        parts += [f"## {link.label}", _first_visit(figures, about, link, "gzip"), *filter(None, further)]
    parts += ["## Imports that no trace saw", _IMPORTS_NOTE]
    parts += [f"{link.label}:\n\n{_imports(figures, about, link)}" for link in links]
    parts += ["## Targets", _targets(figures)]
    with_brotli = {visit.link for visit in figures.visits if visit.encoding == "br"}
    if with_brotli:
        parts.append("## The same with brotli")
        parts += [
            f"{link.label}:\n\n{_first_visit(figures, about, link, 'br')}" for link in links if link.key in with_brotli
        ]
    parts += ["## How near to the limit", _LIMIT_NOTE, _limits(figures, links)]
    parts += [
        "## Checks",
        _CHECK_NOTE,
        _checks(result["checks"]),
        _rates(figures, about, links),
        _untraced(about["untraced"]),
    ]
    if result["failures"]:
        parts += ["## Failures", "".join(f"* {failure.splitlines()[0]}\n" for failure in result["failures"])]
    text = "\n\n".join(part.strip("\n") for part in parts) + "\n"
    write_text(path, text)
    return text


_IMPORTS_NOTE = (
    "Seconds from the opening of the page to the import's end when it is asked for at ready, and in brackets those of "
    "the import alone. Dashes: the environment lacks it, or empack's default filters broke it."
)
_LIMIT_NOTE = (
    "What (c) must move divided by the link, and what is left to do when nothing has to be moved (ready of the second "
    "visit, unthrottled). Nothing can be faster than the larger of the two; a start without overlap takes their sum."
)
_CHECK_NOTE = (
    "250 kB over each link, by each kind of request, measured in this run: slower than the link makes it is possible, "
    "faster is not. The last row shows that page and worker share one link."
)


def _head(about: dict[str, Any]) -> str:
    return (
        f"# Start of a kernel\n\n{about['date']}, commit {about['commit']}, {about['browser']}, {conditions(about)}. "
        f"(c) starts from {about['page']}.\n\n"
        "ready: seconds from the opening of the page to `kernel_info_reply`; 1+1, numpy: to their results. "
        "CPU: of all processes of the browser until ready. MB: what the server sent until then, headers included. "
        "Memory: of the page's process."
    )


def _rows(about: dict[str, Any], cells: Callable[[str], Sequence[str]]) -> list[list[str]]:
    rows = [[f"({key}) {label}" if len(key) == 1 else label, *cells(key)] for key, label in about["variants"]]
    return [row for row in rows if set(row[1:]) != {_NONE}]


def _first_visit(figures: Figures, about: dict[str, Any], link: Link, encoding: Encoding) -> str:
    def cells(key: str) -> list[str]:
        value = _Value(figures, key, link.key, "first", encoding)
        return [
            value("requests", 1, ",.0f"),
            value("wire", 1e6, ".2f"),
            value.spread("ready"),
            value("cpu", 1, ".2f"),
            value("first", 1, ".2f"),
            value("numpy", 1, ".2f"),
            value("wire_numpy", 1e6, ".2f"),
            value("rss", 1e6, ".0f"),
            value("peak", 1e6, ".0f"),
        ]

    header = [
        "first visit",
        "requests",
        "MB",
        "ready, s",
        "CPU, s",
        "1+1, s",
        "numpy, s",
        "MB to numpy",
        "memory, MB",
        "peak, MB",
    ]
    return markdown_table(header, _rows(about, cells))


def _further_visit(figures: Figures, about: dict[str, Any], link: Link, occasion: Occasion) -> str:
    def cells(key: str) -> list[str]:
        value = _Value(figures, key, link.key, occasion, "gzip")
        return [
            value("requests", 1, ",.0f"),
            value("wire", 1e3, ",.1f"),
            value.spread("ready"),
            value("cpu", 1, ".2f"),
            value("first", 1, ".2f"),
            value("numpy", 1, ".2f"),
            value("peak", 1e6, ".0f"),
        ]

    header = [f"{occasion} visit", "requests", "kB", "ready, s", "CPU, s", "1+1, s", "numpy, s", "peak, MB"]
    rows = _rows(about, cells)
    return markdown_table(header, rows) if rows else ""


def _imports(figures: Figures, about: dict[str, Any], link: Link) -> str:
    def cells(key: str) -> list[str]:
        value = _Value(figures, key, link.key, "first", "gzip")
        return [
            f"{total} ({value(f'cell {module}', 1, '.2f')})" if total != _NONE else _NONE
            for module in UNTRACED
            for total in [value(f"import {module}", 1, ".2f")]
        ]

    return markdown_table(["", *UNTRACED], _rows(about, cells))


class _Value:
    """Medians as text."""

    def __init__(self, figures: Figures, variant: str, link: str, occasion: Occasion, encoding: Encoding) -> None:
        self._figures = figures
        self._which = (variant, link)
        self._where: dict[str, Any] = {"occasion": occasion, "encoding": encoding}

    def __call__(self, measure: str, unit: float, form: str) -> str:
        value = self._figures.median(measure, *self._which, **self._where)
        return _NONE if value is None else format(value / unit, form)

    def spread(self, measure: str) -> str:
        values = self._figures.values(measure, *self._which, **self._where)
        return f"{self(measure, 1, '.2f')} ({min(values):.2f}-{max(values):.2f})" if values else _NONE


def _targets(figures: Figures) -> str:
    found = targets(figures)
    main = [target for target in found if "visit, to (" not in target.what]
    today = [target for target in found if target not in main and target.found is not None]
    missed = [target for target in today if target.verdict != "pass"]
    rows = [
        [target.what, f"≤ {target.limit:.2f}", _NONE if target.found is None else f"{target.found:.2f}", target.verdict]
        for target in (*main, *missed)
    ]
    text = markdown_table(["ratio of (c)", "target", "measured", ""], rows)
    better = f"{len(today) - len(missed)} of {len(today)} are better; the rest is in the table."
    return f"{text}\nAgainst (b) and (m), every figure: {better}"


def _limits(figures: Figures, links: Sequence[Link]) -> str:
    work = figures.median("ready", OURS, "unthrottled", occasion="second")
    rows = []
    for link in links:
        moved, ready = (figures.median(measure, OURS, link.key) for measure in ("wire", "ready"))
        if moved is None or ready is None or work is None:
            continue
        transfer = moved * 8 / link.throughput + link.latency / 1000 if link.throughput else 0.0
        rows.append(
            [link.label, *(f"{value:.2f}" for value in (transfer, work, max(transfer, work), transfer + work, ready))]
        )
    return markdown_table(["link", "transfer, s", "work, s", "larger", "sum", "reached"], rows)


def _checks(checks: Sequence[dict[str, Any]]) -> str:
    return markdown_table(["request", "link makes it, s", "measured, s", ""], check_rows(checks))


def _rates(figures: Figures, about: dict[str, Any], links: Sequence[Link]) -> str:
    rows = []
    for key, _label in about["variants"]:
        for link in links:
            seen, ready = (figures.median(measure, key, link.key) for measure in ("seen", "ready"))
            row = visit_row(f"({key}), {link.label}", link, seen=seen, seconds=ready)
            rows += [row] if row else []
    note = "The same for the variants' own starts: what they received until ready, at the rate of the link."
    return f"{note}\n\n{markdown_table(['start', 'link makes it, s', 'ready, s', ''], rows)}"


def _untraced(untraced: dict[str, dict[str, str]]) -> str:
    rows = [[module, *(loads[module] for loads in untraced.values())] for module in UNTRACED]
    note = "How the archive loads that holds each of the imports (`demand`: no trace saw it)."
    return f"{note}\n\n{markdown_table(['', *untraced], rows)}"
