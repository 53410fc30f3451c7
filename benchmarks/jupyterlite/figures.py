"""From visits and builds to figures: medians, what remains of them without JupyterLite's own, and targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.browser.model import FIRST, LINKS, NUMPY, measured_links
from benchmarks.common import median
from benchmarks.jupyterlite.model import NOTHING, OURS, XEUS
from benchmarks.targets import Target

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.jupyterlite.model import Build, Built, Occasion, Visit

_OF_VISIT: dict[str, Callable[[Visit], float | None]] = {
    "asked": lambda visit: visit.asked,
    "first": lambda visit: visit.marks[FIRST.key].seconds,
    "numpy": lambda visit: visit.marks[NUMPY.key].seconds,
    "requests": lambda visit: visit.marks[NUMPY.key].requests,
    "wire": lambda visit: visit.marks[NUMPY.key].wire,
    "wire_first": lambda visit: visit.marks[FIRST.key].wire,
    "seen": lambda visit: visit.marks[NUMPY.key].seen,
    "cpu": lambda visit: visit.marks[NUMPY.key].cpu,
    "peak": lambda visit: visit.marks[NUMPY.key].peak,
}
"""Seconds, requests and bytes from the opening of the page; those without a cell in their name until numpy's answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """All visits and builds of a run."""

    visits: tuple[Visit, ...]
    builds: tuple[Built, ...]

    def values(self, measure: str, site: str, link: str, occasion: Occasion) -> list[float]:
        """The figure of each round, in their order."""
        chosen = (visit for visit in self.visits if (visit.site, visit.link, visit.occasion) == (site, link, occasion))
        return [value for visit in chosen if (value := _OF_VISIT[measure](visit)) is not None]

    def median(self, measure: str, site: str, link: str, occasion: Occasion) -> float | None:
        """The median of the rounds; None where there is none."""
        return median(self.values(measure, site, link, occasion))

    def remainder(self, measure: str, site: str, link: str, occasion: Occasion) -> float | None:
        """The median less that of JupyterLite with a kernel that only answers."""
        return _less(*(self.median(measure, key, link, occasion) for key in (site, NOTHING)))

    def ratio(self, measure: str, link: str, occasion: Occasion) -> float | None:
        """Our remainder over theirs."""
        own, other = (self.remainder(measure, key, link, occasion) for key in (OURS, XEUS))
        return None if own is None or not other else own / other

    def build_values(self, measure: str, site: str, build: Build) -> list[float]:
        """The figure of each round: ``wall``, ``cpu``, ``size`` or ``files``."""
        return [getattr(built, measure) for built in self.builds if (built.site, built.build) == (site, build)]

    def build_median(self, measure: str, site: str, build: Build) -> float | None:
        """The median of the rounds; None where there is none."""
        return median(self.build_values(measure, site, build))

    def added(self, measure: str, site: str, build: Build) -> float | None:
        """The median less that of JupyterLite alone."""
        return _less(*(self.build_median(measure, key, build) for key in (site, NOTHING)))

    @property
    def links(self) -> list[str]:
        """Keys of the links that were measured, in the order of `LINKS`."""
        return measured_links(visit.link for visit in self.visits)


def _less(value: float | None, other: float | None) -> float | None:
    return None if value is None or other is None else value - other


_CELLS = {"first": "the first cell", "numpy": "numpy"}


def targets(figures: Figures) -> list[Target]:
    """Every target: ratios of remainders, and the seconds that we add to an unchanged build."""
    found = [
        Target(
            what=f"first visit, 10 Mbit/s, to {cell}: ratio",
            limit=0.45,
            found=figures.ratio(measure, "10mbit", "first"),
        )
        for measure, cell in _CELLS.items()
    ]
    found += [
        Target(
            what=f"second visit, {link.label.split(',')[0]}, to {cell}: ratio",
            limit=0.6,
            found=figures.ratio(measure, link.key, "second"),
        )
        for link in LINKS
        if link.key in figures.links
        for measure, cell in _CELLS.items()
    ]
    return [
        *found,
        Target(what="an unchanged build, seconds added", limit=0.5, found=figures.added("wall", OURS, "again")),
    ]
