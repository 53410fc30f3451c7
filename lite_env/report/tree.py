"""A graph as a tree that people read: each package is taken apart where it stands first, and only named after that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lite_env.report.graph import Edge, constraint_of
from lite_env.report.table import in_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lite_env.report.graph import Graph

State = Literal["whole", "repeated", "cut", "missing"]

MAX_DEPTH = 100
"""Levels below a root: real environments have fewer than twenty."""

_MARKS = {"whole": "", "repeated": " (*)", "cut": " …", "missing": " (not here)"}
_LEGEND = {
    "repeated": "(*) taken apart where it stands first",
    "cut": "… goes on deeper",
    "missing": "(not here) needed, and not among the packages",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class TreeRow:
    """One line of a tree.

    Attributes:
        depth: 0 for a root.
        name: of the package.
        version: None for one that is not there.
        specs: by which the package above needs it, or it was asked for; in an inverted tree, by which it needs the one
            above.
        asked: whether it was asked for.
        state: ``whole``; ``repeated``: what is below it stands elsewhere; ``cut``: it is below the depth that is
            shown; ``missing``: there is no such package.
        last: whether it is the last one below its parent.
    """

    depth: int
    name: str
    version: str | None
    specs: tuple[str, ...]
    asked: bool
    state: State
    last: bool


def tree_rows(graph: Graph, *, depth: int | None = None, invert: str | None = None) -> tuple[TreeRow, ...]:
    """The tree below the roots of `graph`, or, inverted, what leads to one package.

    Args:
        graph: of a lock or a pack.
        depth: levels below the roots; at most `MAX_DEPTH`.
        invert: the package whose dependents are wanted.

    Raises:
        ReportError: there is no package `invert`.
    """
    limit = min(MAX_DEPTH, MAX_DEPTH if depth is None else depth)
    below = graph.needs
    starts: Sequence[Edge] = graph.roots
    asked = {root.name: root.specs for root in graph.roots if root.specs}
    if invert is not None:
        below = graph.needed_by
        starts = (Edge(name=graph.find(invert).name, specs=()),)
    rows: list[TreeRow] = []
    taken_apart: set[str] = set()
    # A stack and no recursion: a hostile lock may be deeper than Python's own stack.
    pending = [(0, edge, edge is starts[-1]) for edge in reversed(starts)]
    while pending:
        level, edge, last = pending.pop()
        package = graph.packages.get(edge.name)
        inner = below.get(edge.name, ())
        state: State = "whole"
        if package is None:
            state = "missing"
        elif inner and edge.name in taken_apart:
            state = "repeated"
        elif inner and level >= limit:
            state = "cut"
        else:
            taken_apart.add(edge.name)
            pending += [(level + 1, each, each is inner[-1]) for each in reversed(inner)]
        rows.append(
            TreeRow(
                depth=level,
                name=edge.name,
                version=package.version if package is not None else None,
                specs=edge.specs,
                asked=edge.name in asked,
                state=state,
                last=last,
            )
        )
    return tuple(rows)


def tree_lines(rows: Iterable[TreeRow], *, inverted: bool = False) -> list[str]:
    """The tree as text, and below it what its marks mean."""
    lines: list[str] = []
    ends: list[bool] = []
    marks: set[State] = set()
    for row in rows:
        del ends[max(row.depth - 1, 0) :]
        branch = "" if row.depth == 0 else "└── " if row.last else "├── "
        lines.append(f"{''.join('    ' if end else '│   ' for end in ends)}{branch}{_label(row, inverted=inverted)}")
        if row.depth:
            ends.append(row.last)
        marks.add(row.state)
    legend = [text for state, text in _LEGEND.items() if state in marks]
    return [*lines, "", *legend] if legend else lines


def _label(row: TreeRow, *, inverted: bool) -> str:
    parts = [row.name, *([row.version] if row.version is not None else [])]
    if row.depth == 0 or inverted:
        specs = tuple(filter(None, map(constraint_of, row.specs))) if row.depth else ()
        notes = [" and ".join(specs)] if specs else []
        if row.asked:
            said = [spec for spec in row.specs if spec != row.name] if row.depth == 0 else []
            notes.append(f"asked for: {', '.join(said)}" if said else "asked for")
        text = "; ".join(notes)
    else:
        text = " and ".join(filter(None, map(constraint_of, row.specs)))
    return in_line(" ".join(parts)) + (f" ({in_line(text)})" if text else "") + _MARKS[row.state]
