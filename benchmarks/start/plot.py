"""The figures as one SVG that is legible on light and dark pages: a bar a variant, a panel a link."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from benchmarks.browser.model import LINKS
from benchmarks.start.figures import OURS
from lite_env.store.atomic import write_text

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.browser.model import Link
    from benchmarks.start.figures import Figures

_WIDTH = 860
_LEFT = 300  # where bars begin
_RIGHT = 170  # room for the text behind the longest bar
_ROW = 26
_BAR = 16
_HEAD = 64
_PANEL = 44  # title and gap of a panel
_COLOURS = {OURS: ("#0b6e4f", "#7fc8a9"), "lean": ("#3f7f93", "#a9cfda")}
_OTHERS = ("#6b7280", "#c3c7ce")
_NOTE = "dark: the kernel answers; light: first numpy result; MB: over the wire until the kernel answers"
_STYLE = (
    "text{font-family:system-ui,'DejaVu Sans',sans-serif;font-size:13px;fill:#1f2328}"
    ".title{font-size:17px;font-weight:600}.link{font-size:14px;font-weight:600}.note{fill:#57606a;font-size:12px}"
)


def write_plot(figures: Figures, about: dict[str, Any], path: Path) -> None:
    """Write the plot of first visits: to ready, and on to the first numpy result."""
    links = [link for link in LINKS if link.key in figures.links]
    parts: list[str] = []
    top = _HEAD
    for link in links:
        panel, height = _panel(figures, about, link, top)
        parts += panel
        top += height
    height = top + 8
    size = f'width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}"'
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
        "<title>Seconds from the opening of the page to a kernel that answers, first visit</title>",
        f"<style>{_STYLE}</style>",
        f'<rect width="{_WIDTH}" height="{height}" rx="6" fill="#ffffff"/>',
        '<text class="title" x="20" y="30">Seconds from opening the page, first visit</text>',
        f'<text class="note" x="20" y="50">{_NOTE}</text>',
    ]
    write_text(path, "\n".join([*head, *parts, "</svg>"]) + "\n")


def _panel(figures: Figures, about: dict[str, Any], link: Link, top: int) -> tuple[list[str], int]:
    rows = []
    for key, label in about["variants"]:
        ready, numpy, wire = (figures.median(measure, key, link.key) for measure in ("ready", "numpy", "wire"))
        if ready is not None and numpy is not None and wire is not None:
            rows.append((key, label, ready, numpy, wire))
    longest = max((numpy for _key, _label, _ready, numpy, _wire in rows), default=1.0)
    scale = (_WIDTH - _LEFT - _RIGHT) / longest
    parts = [f'<text class="link" x="20" y="{top + 22}">{escape(link.label)}</text>']
    for number, (key, label, ready, numpy, wire) in enumerate(rows):
        y = top + _PANEL - 10 + number * _ROW
        dark, light = _COLOURS.get(key, _OTHERS)
        base = y + _BAR - 3
        figures_text = f"{_seconds(ready)} / {_seconds(numpy)} s, {wire / 1e6:.1f} MB"
        parts += [
            f'<text x="{_LEFT - 10}" y="{base}" text-anchor="end">{escape(_short(label))}</text>',
            _bar(_LEFT, y, numpy * scale, light),
            _bar(_LEFT, y, ready * scale, dark),
            f'<text x="{_LEFT + numpy * scale + 8:.1f}" y="{base}">{figures_text}</text>',
        ]
    return parts, _PANEL + len(rows) * _ROW


def _bar(x: float, y: float, width: float, colour: str) -> str:
    return f'<rect x="{x}" y="{y}" width="{width:.1f}" height="{_BAR}" fill="{colour}"/>'


def _short(label: str) -> str:
    return label.replace("jupyterlite-xeus-python", "xeus-python").replace("jupyterlite-", "")


def _seconds(value: float) -> str:
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"  # noqa: PLR2004 - three digits are enough
