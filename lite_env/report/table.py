"""Answers as aligned text: columns, sizes, and the words of strangers kept on one line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lite_env.store.plain import bounded, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

_KILO, _MEGA = 1_000, 1_000_000
_WHOLE = 100  # from here on a decimal says nothing


def in_line(text: str) -> str:
    """A stranger's text in a line of its own: nothing in it ends the line, moves a cursor or hides a word."""
    return plain(bounded(text).replace("\n", "\\n").replace("\t", "\\t"))


def size_text(size: int | None) -> str:
    """Bytes for people: ``812 B``, ``14.2 kB``, ``3.66 MB`` of 10**6 bytes; ``?`` where it is not known."""
    if size is None:
        return "?"
    amount = abs(size)
    if amount < _KILO:
        return f"{size} B"
    if amount < _MEGA:
        return f"{size / _KILO:.0f} kB" if amount >= _WHOLE * _KILO else f"{size / _KILO:.1f} kB"
    return f"{size / _MEGA:.2f} MB"


def requests_text(count: int) -> str:
    """``1 request``, ``6 requests``."""
    return f"{count} request" + ("" if count == 1 else "s")


def change_text(change: int | None) -> str:
    """The difference of two sizes, with its sign; ``0`` where there is none, ``?`` where it is not known."""
    if not change:
        return "?" if change is None else "0"
    return f"+{size_text(change)}" if change > 0 else f"\N{MINUS SIGN}{size_text(-change)}"


def columns(rows: Sequence[Sequence[str]], sides: str) -> list[str]:
    """Rows of cells as lines whose columns stand below each other, two blanks apart.

    Args:
        rows: of as many cells each as there are `sides`.
        sides: for each column ``<`` (words) or ``>`` (figures).
    """
    cells = [[in_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True)).rstrip()
        for row in cells
    ]


def json_text(value: Any) -> str:  # noqa: ANN401 - whatever json can write
    """One JSON document, as all answers are written: keys sorted, two blanks of indentation, a newline at the end."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
