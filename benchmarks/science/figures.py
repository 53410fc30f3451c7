"""From visits to figures: medians, spreads, ratios, and what they are to reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.browser.model import FIRST, measured_links
from benchmarks.common import median
from benchmarks.science.model import ALONE, MODULES, NOTEBOOK, OURS, PEER, PLAIN
from benchmarks.targets import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.browser.model import Mark
    from benchmarks.science.model import Trip
    from benchmarks.start.model import Occasion

_OF_MARKS: dict[str, Callable[[Sequence[Mark]], float | None]] = {
    "seconds": lambda marks: sum(mark.seconds for mark in marks),
    "requests": lambda marks: marks[-1].requests,
    "wire": lambda marks: marks[-1].wire,
    "seen": lambda marks: marks[-1].seen,
    "cpu": lambda marks: marks[-1].cpu,
    "peak": lambda marks: marks[-1].peak,
}
"""Of the marks up to a goal: all of them count from the opening of the page."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """All visits of a run."""

    trips: tuple[Trip, ...]

    def values(self, measure: str, goal: str, variant: str, link: str, *, occasion: Occasion = "first") -> list[float]:
        """The figure of each visit that reaches the goal, in their order."""
        found = (_OF_MARKS[measure](marks) for marks in self._reaching(goal, variant, link, occasion))
        return [value for value in found if value is not None]

    def median(self, measure: str, goal: str, variant: str, link: str, *, occasion: Occasion = "first") -> float | None:
        """The median of those; None where there is none."""
        return median(self.values(measure, goal, variant, link, occasion=occasion))

    def ratio(
        self, measure: str, goal: str, link: str, *, of: str = OURS, to: str = PEER, occasion: Occasion = "first"
    ) -> float | None:
        """Our median over that of `to`."""
        own, other = (self.median(measure, goal, key, link, occasion=occasion) for key in (of, to))
        return None if own is None or not other else own / other

    def cell(self, key: str, goal: str, variant: str, link: str, *, occasion: Occasion = "first") -> float | None:
        """The median of the seconds of one cell alone, or of ``ready``, in the visits that are for the goal."""
        trips = [trip for trip in self._trips(variant, link, occasion) if trip.course == goal]
        return median([trip.visit.marks[key].seconds for trip in trips if key in trip.visit.marks])

    @property
    def links(self) -> list[str]:
        """Keys of the links that were measured, in the order of `LINKS`."""
        return measured_links(trip.visit.link for trip in self.trips)

    def _reaching(self, goal: str, variant: str, link: str, occasion: Occasion) -> list[list[Mark]]:
        found = (trip.upto(goal) for trip in self._trips(variant, link, occasion))
        return [marks for marks in found if marks]

    def _trips(self, variant: str, link: str, occasion: Occasion) -> list[Trip]:
        return [
            trip
            for trip in self.trips
            if (trip.visit.variant, trip.visit.link, trip.visit.occasion) == (variant, link, occasion)
        ]


_SLOW = "10mbit"
_FIRST, _PANDAS = FIRST.key, MODULES[0]


def targets(figures: Figures) -> list[Target]:
    """Every target: ratios of medians, to Pyodide's way where nothing else is said."""
    links = figures.links
    ratio = figures.ratio
    return [
        *(_target(f"1+1, {link}", 1.0, ratio("seconds", _FIRST, link)) for link in links),
        *(
            _target(f"1+1, {link}, to lite_env without the stack", 1.05, ratio("seconds", _FIRST, link, to=ALONE))
            for link in links
        ),
        *(_target(f"{goal}, {_SLOW}", 0.7, ratio("seconds", goal, _SLOW)) for goal in (_PANDAS, NOTEBOOK)),
        *(
            _target(f"second visit, {goal}, {link}", 0.6, ratio("seconds", goal, link, occasion="second"))
            for goal in (_FIRST, _PANDAS, NOTEBOOK)
            for link in links
        ),
        *(
            _target(f"peak memory, {goal}, {link}{page}", 1.0, ratio("peak", goal, link, of=variant))
            for goal in (_FIRST, NOTEBOOK)
            for link in links
            for variant, page in ((OURS, ""), (PLAIN, ", in the same page"))
        ),
    ]


def _target(what: str, limit: float, found: float | None) -> Target:
    return Target(what=what, limit=limit, found=found)
