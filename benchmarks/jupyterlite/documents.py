"""What a full run tells elsewhere: the table of the documents, and the readme's paragraph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.common import ROOT
from benchmarks.jupyterlite.model import JUPYTERLITE, NOTHING, OURS, XEUS
from benchmarks.jupyterlite.report import summary
from lite_env.store.atomic import write_text

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.jupyterlite.figures import Figures
    from benchmarks.jupyterlite.model import Occasion

_DOCUMENT = ROOT / "docs" / "from-jupyterlite-xeus.md"
_README = ROOT / "README.md"
_MARK = "<!-- make bench-jupyterlite -->"
_END = "<!-- -->"
_LINK = "10mbit"


def tell(figures: Figures, about: dict[str, Any]) -> None:
    """Write both, each between its marks."""
    _fill(_DOCUMENT, _section(figures, about))
    _fill(_README, _paragraph(figures, about))


def _fill(path: Path, text: str) -> None:
    head, mark, rest = path.read_text(encoding="utf-8").partition(f"{_MARK}\n")
    _old, end, tail = rest.partition(f"{_END}\n")
    if not mark or not end:
        raise SystemExit(f"error: {path} lacks the lines {_MARK} and {_END}")
    write_text(path, f"{head}{mark}\n{text.strip()}\n\n{end}{tail}")


def _section(figures: Figures, about: dict[str, Any]) -> str:
    return (
        "## What it costs\n\n"
        f"The same 29 packages in one JupyterLite {JUPYTERLITE} and one Chromium, both served with gzip, medians of "
        f"{about['rounds']} rounds in turns, less what\nJupyterLite takes with a kernel that only answers "
        "([all figures](../benchmarks/jupyterlite/results.md)). From opening a notebook's address:\n\n"
        f"{summary(figures, about)}"
    )


def _paragraph(figures: Figures, about: dict[str, Any]) -> str:
    def of(measure: str, occasion: Occasion) -> str:
        ours, theirs = (_seconds(figures.remainder(measure, key, _LINK, occasion)) for key in (OURS, XEUS))
        return f"{ours} in place of {theirs}"

    alone = _seconds(figures.median("first", NOTHING, _LINK, "first"))
    added = [_seconds(figures.added("wall", key, "again")) for key in (OURS, XEUS)]
    return (
        f"In JupyterLite {JUPYTERLITE} (`make bench-jupyterlite`, [all figures](benchmarks/jupyterlite/results.md)), "
        "beside jupyterlite-xeus\n"
        f"5.1 with the same packages, medians of {about['rounds']} rounds in turns: at 10 Mbit/s a notebook takes "
        f"{alone} s from its address to its first\n"
        f"cell with a kernel that only answers. A real kernel adds {of('first', 'first')}, and {of('numpy', 'first')} "
        "until numpy's first\n"
        f"result; at the second visit {of('first', 'second')}, and {of('numpy', 'second')}. A `jupyter lite build` "
        "with nothing changed takes\n"
        f"{added[0]} s longer, in place of {added[1]}."
    )


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
