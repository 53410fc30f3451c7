"""The results as Markdown: figures by link, builds, what the targets say, where the seconds go, and checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.browser.link_report import CHECKS_NOTE, check_rows, visit_row
from benchmarks.browser.model import LINKS
from benchmarks.common import conditions, markdown_table
from benchmarks.jupyterlite.figures import targets
from benchmarks.jupyterlite.model import BUILDS, NOTHING, OCCASIONS, OURS, XEUS
from lite_env.store.atomic import write_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.browser.model import Link
    from benchmarks.jupyterlite.figures import Figures
    from benchmarks.jupyterlite.model import Build, Occasion

_NONE = "-"
_BUILDS_NOTE = (
    "`jupyter lite build` with nothing there, caches included, and once more with nothing changed; in brackets what it "
    "adds to the first row. jupyterlite-xeus packs an installed environment, and so does lite_env in its first row; in "
    "the second it also solves, locks and installs, from a local channel."
)
_WHERE_NOTE = (
    "Of the remainder until numpy: what the bytes take on the link, and what is left to do when nothing has to be "
    "moved (the remainder of the second visit, unthrottled). Nothing is faster than the larger of the two; without "
    "overlap it takes their sum."
)
_PARTS_NOTE = (
    "What remains, in parts: of the page, until its notebook has a session; of the kernel, from there to the first "
    "cell; of numpy. Where that of the page is less than nothing, rounds differ by more than an extension takes."
)


def write_report(figures: Figures, result: dict[str, Any], path: Path) -> str:
    """Write the Markdown, and give it."""
    about = result["about"]
    links = [link for link in LINKS if link.key in figures.links]
    parts = [_head(about), summary(figures, about)]
    for link in links:
        parts.append(f"## {link.label}")
        parts += [_visits(figures, about, link, occasion) for occasion in OCCASIONS]
    parts += ["## The build", _BUILDS_NOTE, _builds(figures, about)]
    parts += ["## Targets", _targets(figures)]
    parts += ["## Where the seconds go", _WHERE_NOTE, _where(figures, about, links)]
    parts += [_PARTS_NOTE, _shares(figures, about, links)]
    parts += ["## Checks", CHECKS_NOTE, _checks(figures, result["checks"], about, links)]
    if result["failures"]:
        parts += ["## Failures", "".join(f"* {failure.splitlines()[0]}\n" for failure in result["failures"])]
    text = "\n\n".join(part.strip("\n") for part in parts) + "\n"
    write_text(path, text)
    return text


def _head(about: dict[str, Any]) -> str:
    return (
        f"# Kernels in JupyterLite\n\n{about['date']}, commit {about['commit']}, {about['browser']}, JupyterLite "
        f"{about['jupyterlite']}, {conditions(about)}. Opened in `{about['app']}`.\n\n"
        "Seconds from the opening of a notebook's address until it has a session (asked), until its first cell, `1+1`, "
        "is done, and until numpy has computed. Remains: the same less the first row, JupyterLite with a kernel that "
        "only answers. Requests, MB (what the server sent, headers included), CPU (of all processes of the browser) "
        "and peak (memory of the page's process) until numpy."
    )


def _visits(figures: Figures, about: dict[str, Any], link: Link, occasion: Occasion) -> str:
    rows = []
    for key, label in about["sites"]:

        def value(measure: str, unit: float = 1, form: str = ".2f", key: str = key) -> str:
            return _text(figures.median(measure, key, link.key, occasion), unit, form)

        def remainder(measure: str, key: str = key) -> str:
            return _NONE if key == NOTHING else _text(figures.remainder(measure, key, link.key, occasion))

        first, numpy = (figures.values(measure, key, link.key, occasion) for measure in ("first", "numpy"))
        if first:
            rows.append(
                [
                    label,
                    value("requests", 1, ",.0f"),
                    value("wire", 1e6),
                    value("asked"),
                    _spread(value("first"), first),
                    _spread(value("numpy"), numpy),
                    remainder("first"),
                    remainder("numpy"),
                    value("cpu"),
                    value("peak", 1e6, ".0f"),
                ]
            )
    return markdown_table(
        [
            f"{occasion} visit",
            "requests",
            "MB",
            "asked, s",
            "1+1, s",
            "numpy, s",
            "1+1 remains, s",
            "numpy remains, s",
            "CPU, s",
            "peak, MB",
        ],
        rows,
    )


def _builds(figures: Figures, about: dict[str, Any]) -> str:
    rows = []
    for key, label in about["builds"]:
        seconds = [_build(figures, key, build) for build in BUILDS]
        size, files = (figures.build_median(measure, key, "again") for measure in ("size", "files"))
        added = "" if key == NOTHING else f" (+{_text(figures.added('size', key, 'again'), 1e6)})"
        cpu = _text(figures.build_median("cpu", key, "first"), 1, ".1f")
        rows.append([label, *seconds, cpu, f"{_text(size, 1e6)}{added}", _text(files, 1, ",.0f")])
    return markdown_table(["", "first, s", "again, s", "CPU of the first, s", "site, MB", "files"], rows)


def _build(figures: Figures, key: str, build: Build) -> str:
    text = _spread(_text(figures.build_median("wall", key, build)), figures.build_values("wall", key, build))
    return text if key == NOTHING else f"{text} (+{_text(figures.added('wall', key, build))})"


def _targets(figures: Figures) -> str:
    rows = [[target.what, f"≤ {target.limit:.2f}", _text(target.found), target.verdict] for target in targets(figures)]
    return markdown_table(["lite_env to jupyterlite-xeus", "target", "measured", ""], rows)


def _where(figures: Figures, about: dict[str, Any], links: Sequence[Link]) -> str:
    rows = []
    for link in links:
        for key, label in about["sites"]:
            moved, reached = (figures.remainder(measure, key, link.key, "first") for measure in ("wire", "numpy"))
            work = figures.remainder("numpy", key, "unthrottled", "second")
            if key == NOTHING or not link.throughput or moved is None or reached is None or work is None:
                continue
            transfer = moved * 8 / link.throughput
            seconds = (transfer, work, max(transfer, work), transfer + work, reached)
            rows.append([f"{label}, {link.label}", f"{moved / 1e6:.2f}", *(f"{value:.2f}" for value in seconds)])
    header = ["first visit", "MB", "on the link, s", "work, s", "larger, s", "sum, s", "reached, s"]
    return markdown_table(header, rows)


def _shares(figures: Figures, about: dict[str, Any], links: Sequence[Link]) -> str:
    rows = []
    for occasion in OCCASIONS:
        for link in links:
            for key, label in about["sites"]:
                ends = [figures.remainder(measure, key, link.key, occasion) for measure in ("asked", "first", "numpy")]
                cpu = figures.remainder("cpu", key, link.key, occasion)
                asked, first, numpy = ends
                if key == NOTHING or asked is None or first is None or numpy is None:
                    continue
                shares = (asked, first - asked, numpy - first)
                row = [f"{occasion} visit, {link.label}, {label}", *map(_text, shares), _text(numpy), _text(cpu)]
                rows.append(row)
    return markdown_table(["", "page, s", "kernel, s", "numpy, s", "all, s", "CPU, s"], rows)


def _checks(figures: Figures, checks: Sequence[dict[str, Any]], about: dict[str, Any], links: Sequence[Link]) -> str:
    rows = check_rows(checks)
    for key, label in about["sites"]:
        for link in links:
            seen, numpy = (figures.median(measure, key, link.key, "first") for measure in ("seen", "numpy"))
            row = visit_row(f"{link.key}, {label}", link, seen=seen, seconds=numpy)
            rows += [row] if row else []
    return markdown_table(["", "link makes it, s", "measured, s", ""], rows)


def _text(value: float | None, unit: float = 1, form: str = ".2f") -> str:
    return _NONE if value is None else format(value / unit, form)


def _spread(text: str, values: Sequence[float]) -> str:
    return f"{text} ({min(values):.2f}-{max(values):.2f})" if values else text


def summary(figures: Figures, about: dict[str, Any]) -> str:
    """The table of the documents: what remains of JupyterLite's time with each, and what each adds to the build."""
    labels = dict(about["sites"])
    rows = [
        [f"{occasion} visit, {link.label}, to {cell}", *_compared(figures, measure, link.key, occasion)]
        for occasion in OCCASIONS
        for link in LINKS
        if link.key in figures.links
        for measure, cell in (("first", "the first cell, s"), ("numpy", "numpy, s"))
    ]
    for what, measure, unit in (("requests", "requests", 1.0), ("MB", "wire", 1e6)):
        found = [figures.remainder(measure, key, figures.links[0], "first") for key in (XEUS, OURS)]
        form = ",.0f" if what == "requests" else ".2f"
        rows.append([f"{what} of the first visit", *(_text(value, unit, form) for value in found), _ratio(*found)])
    for label, build in (
        ("`jupyter lite build`, from nothing, s", BUILDS[0]),
        ("again, nothing changed, s", BUILDS[1]),
    ):
        found = [figures.added("wall", key, build) for key in (XEUS, OURS)]
        rows.append([label, *map(_text, found), _ratio(*found)])
    sizes = [figures.added("size", key, "again") for key in (XEUS, OURS)]
    rows.append(["the site, MB", *(_text(size, 1e6) for size in sizes), _ratio(*sizes)])
    return markdown_table(["less JupyterLite's own", labels[XEUS], labels[OURS], "ratio"], rows)


def _compared(figures: Figures, measure: str, link: str, occasion: Occasion) -> list[str]:
    found = [figures.remainder(measure, key, link, occasion) for key in (XEUS, OURS)]
    return [*map(_text, found), _ratio(*found)]


def _ratio(theirs: float | None, ours: float | None) -> str:
    return _NONE if ours is None or not theirs else f"{ours / theirs:.2f}"
