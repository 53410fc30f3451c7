"""From visits to figures: medians, spreads, ratios, and what they are to reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.browser.model import FIRST, LINKS, NUMPY, measured_links
from benchmarks.common import median
from benchmarks.start.model import OCCASIONS, UNTRACED
from benchmarks.targets import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.browser.model import Encoding, Mark
    from benchmarks.start.model import Occasion, Visit

OURS = "c"
EAGER = "a"
BEFORE = "before"
"""The site of an earlier commit, where one is measured."""
TODAY = ("b", "m")


def measure_of(visit: Visit, measure: str) -> float | None:
    """One figure of a visit; None where it has none.

    ``ready``, ``first`` and ``numpy`` are seconds from the opening of the page to that answer, ``import M`` seconds
    from the opening to an import's end when it is asked for at ready, ``cell M`` the seconds of that cell alone.
    """
    marks = visit.marks
    if measure.startswith(("import ", "cell ")):
        kind, _, module = measure.partition(" ")
        start = marks["ready"].seconds if kind == "import" else 0.0
        return start + marks[module].seconds if module in marks else None
    return _SIMPLE[measure](marks)


def _until(marks: dict[str, Mark], *keys: str) -> float | None:
    return sum(marks[key].seconds for key in keys) if all(key in marks for key in keys) else None


_SIMPLE: dict[str, Callable[[dict[str, Mark]], float | None]] = {
    "requests": lambda marks: marks["ready"].requests,
    "wire": lambda marks: marks["ready"].wire,
    "seen": lambda marks: marks["ready"].seen,
    "ready": lambda marks: marks["ready"].seconds,
    "first": lambda marks: _until(marks, "ready", FIRST.key),
    "numpy": lambda marks: _until(marks, "ready", FIRST.key, NUMPY.key),
    "requests_numpy": lambda marks: marks[NUMPY.key].requests if NUMPY.key in marks else None,
    "wire_numpy": lambda marks: marks[NUMPY.key].wire if NUMPY.key in marks else None,
    "cpu": lambda marks: marks["ready"].cpu,
    "rss": lambda marks: marks[NUMPY.key].rss if NUMPY.key in marks else None,
    "peak": lambda marks: max((mark.peak for mark in marks.values() if mark.peak is not None), default=None),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """All visits of a run."""

    visits: tuple[Visit, ...]

    def values(
        self, measure: str, variant: str, link: str, *, occasion: Occasion = "first", encoding: Encoding = "gzip"
    ) -> list[float]:
        """The figure of each round, in their order."""
        chosen = (
            visit
            for visit in self.visits
            if (visit.variant, visit.link, visit.occasion, visit.encoding) == (variant, link, occasion, encoding)
        )
        return [value for visit in chosen if (value := measure_of(visit, measure)) is not None]

    def median(
        self, measure: str, variant: str, link: str, *, occasion: Occasion = "first", encoding: Encoding = "gzip"
    ) -> float | None:
        """The median of the rounds; None where there is none."""
        return median(self.values(measure, variant, link, occasion=occasion, encoding=encoding))

    def ratio(self, measure: str, variant: str, to: str, link: str, *, occasion: Occasion = "first") -> float | None:
        """The median of `variant` over that of `to`."""
        own, other = (self.median(measure, key, link, occasion=occasion) for key in (variant, to))
        return None if own is None or not other else own / other

    @property
    def links(self) -> list[str]:
        """Keys of the links that were measured, in the order of `LINKS`."""
        return measured_links(visit.link for visit in self.visits)


def targets(figures: Figures) -> list[Target]:
    """Every target, over medians of first visits with gzip where nothing else is said."""
    found = [
        _target(figures, "ready, unthrottled, to (a)", 0.40, "ready", "unthrottled"),
        _target(figures, "ready, 10 Mbit/s, to (a)", 0.45, "ready", "10mbit"),
        _target(figures, "bytes to ready, to (a)", 0.52, "wire", figures.links[0]),
        _target(figures, "first numpy result, 10 Mbit/s, to (a)", 0.60, "numpy", "10mbit"),
    ]
    found += [
        Target(
            what=f"second visit's ready, {link}, to (a)'s own",
            limit=0.5,
            found=figures.ratio("ready", OURS, EAGER, link, occasion="second"),
        )
        for link in figures.links
    ]
    found += [
        _target(figures, f"click to import {module} (untraced), {link}, to (a)", 1.0, f"import {module}", link)
        for link in figures.links
        for module in UNTRACED
    ]
    found += [
        Target(
            what=f"{what}, {link}, {occasion} visit, to ({peer})",
            limit=1.0,
            found=figures.ratio(measure, OURS, peer, link, occasion=occasion),
        )
        for peer in TODAY
        for link in figures.links
        for occasion in _OCCASIONS
        for measure, what in _BETTER.items()
        if figures.median(measure, peer, link, occasion=occasion)
    ]
    return found + _against_before(figures)


# V8's compiled code is there at the third visit, and more of it at the fourth.
_BEFORE_READY: dict[Occasion, float] = {"first": 1.0, "second": 1.0, "third": 0.88, "fourth": 0.75}
_OCCASIONS: Sequence[Occasion] = ("first", "second")
_BETTER = {
    "requests": "requests to ready",
    "wire": "bytes to ready",
    "ready": "ready",
    "first": "1+1",
    "numpy": "numpy",
    "peak": "peak memory",
    **{f"import {module}": f"click to import {module}" for module in UNTRACED},
}


def _against_before(figures: Figures) -> list[Target]:
    """What came of a change, over the site of the commit before in the same run."""
    link = LINKS[0].key
    if figures.median("ready", BEFORE, link) is None:
        return []
    ready = [
        Target(
            what=f"{occasion} visit's ready, {link}, to the commit before",
            limit=limit,
            found=figures.ratio("ready", OURS, BEFORE, link, occasion=occasion),
        )
        for occasion, limit in _BEFORE_READY.items()
    ]
    peaks = [
        Target(
            what=f"{occasion} visit's peak memory, {link}, to the commit before",
            limit=1.0,
            found=figures.ratio("peak", OURS, BEFORE, link, occasion=occasion),
        )
        for occasion in OCCASIONS
    ]
    return ready + peaks


def _target(figures: Figures, what: str, limit: float, measure: str, link: str) -> Target:
    return Target(what=what, limit=limit, found=figures.ratio(measure, OURS, EAGER, link))
