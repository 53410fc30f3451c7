"""Why a package is there: the ways that lead from what was asked for to it, shortest first."""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from lite_env.report.table import in_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lite_env.report.graph import Edge, Graph
    from lite_env.report.subject import SubjectPackage

DEFAULT_WAYS = 10
# Of the search: in a graph full of circles there are ways without end.
_MAX_STEPS = 20_000
_MAX_WAITING = 100_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Ways:
    """The ways that lead to a package.

    Attributes:
        package: which.
        ways: each from a root to the package: the first edge says by which specs the root was asked for (none where
            it was not), every other one by which specs the package before needs it. The shortest first.
        more: whether there are, or may be, further ones.
    """

    package: SubjectPackage
    ways: tuple[tuple[Edge, ...], ...]
    more: bool


def ways_to(graph: Graph, name: str, *, limit: int = DEFAULT_WAYS) -> Ways:
    """The `limit` shortest ways to the package `name`; no way passes through one package twice.

    They begin at what was asked for; only where that does not lead to the package, at another root.

    Raises:
        ReportError: there is no such package.
    """
    package = graph.find(name)
    roots, distance = _roots(graph, package.name)
    found: list[tuple[str, ...]] = []
    # Ways from their end on: how long each will be at least, whether it has to go on, its packages.
    waiting: list[tuple[int, bool, tuple[str, ...]]] = [(distance[package.name], True, (package.name,))]
    for _ in range(_MAX_STEPS):
        if not waiting or len(found) > limit or len(waiting) > _MAX_WAITING:
            break
        _, goes_on, way = heapq.heappop(waiting)
        if not goes_on:
            found.append(way)
            continue
        if way[-1] in roots:
            heapq.heappush(waiting, (len(way) - 1, False, way))
        for edge in graph.needed_by[way[-1]]:
            if edge.name in distance and edge.name not in way:
                heapq.heappush(waiting, (len(way) + distance[edge.name], True, (*way, edge.name)))
    # Given up: what has reached a root is a way, though not all that are as short are known.
    found += [way for _, _, way in sorted(waiting) if way[-1] in roots]
    return Ways(
        package=package,
        ways=tuple(_edges(graph, roots, way[::-1]) for way in found[:limit]),
        more=len(found) > limit or bool(waiting),
    )


def why_lines(graph: Graph, ways: Ways) -> list[str]:
    """The ways as text, each numbered."""
    lines = [in_line(f"{ways.package.name} {ways.package.version}"), ""]
    for number, way in enumerate(ways.ways, start=1):
        head = f"{number}. "
        for text in _sentences(graph, way):
            lines.append(f"{head}{in_line(text)}")
            head = " " * len(head)
    if ways.more:
        lines += ["", "there are more ways: --limit N shows N of them"]
    return lines


def ways_as_json(graph: Graph, ways: Ways) -> dict[str, Any]:
    """The ways as JSON values."""
    return {
        "name": ways.package.name,
        "version": ways.package.version,
        "more": ways.more,
        "ways": [
            [
                {"name": edge.name, "version": graph.packages[edge.name].version, "specs": list(edge.specs)}
                for edge in way
            ]
            for way in ways.ways
        ],
    }


def _sentences(graph: Graph, way: tuple[Edge, ...]) -> list[str]:
    first = _named(graph, way[0].name)
    if way[0].specs:
        said = [spec for spec in way[0].specs if spec != way[0].name]
        begin = f"{first} was asked for{': ' if said else ''}{', '.join(said)}"
    elif graph.told:
        begin = f"{first} was not asked for, and no other package leads to it"
    else:
        begin = f"{first}: no other package leads to it, and it is not told what was asked for"
    return [begin, *(f"{_named(graph, edge.name)} needs {', '.join(next_.specs)}" for edge, next_ in pairwise(way))]


def _named(graph: Graph, name: str) -> str:
    return f"{name} {graph.packages[name].version}"


def _roots(graph: Graph, name: str) -> tuple[dict[str, Edge], dict[str, int]]:
    """The roots at which ways to a package begin, and how far every package that they lead to is from them."""
    asked = {root.name: root for root in graph.roots if root.specs}
    distance = _distances(graph, asked)
    if name in distance:
        return asked, distance
    roots = {root.name: root for root in graph.roots}
    return roots, _distances(graph, roots)


def _distances(graph: Graph, roots: Iterable[str]) -> dict[str, int]:
    """How many packages lie before each one on the shortest way from a root."""
    distance = {root: 0 for root in roots if root in graph.packages}
    pending = deque(distance)
    while pending:
        name = pending.popleft()
        for edge in graph.needs[name]:
            if edge.name in graph.packages and edge.name not in distance:
                distance[edge.name] = distance[name] + 1
                pending.append(edge.name)
    return distance


def _edges(graph: Graph, roots: dict[str, Edge], names: tuple[str, ...]) -> tuple[Edge, ...]:
    inner = (next(edge for edge in graph.needs[before] if edge.name == name) for before, name in pairwise(names))
    return (roots[names[0]], *inner)
