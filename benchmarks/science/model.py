"""Values of the benchmark: what a visit is for, and what came of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.browser.model import FIRST, Mark
from benchmarks.science.notebook import notebook_cells
from benchmarks.start.model import Visit, import_cell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.browser.model import Cell, Link
    from benchmarks.start.model import Variant

OURS, PLAIN, PEER, EARLY, ALONE, BARE = "o", "b", "p", "e", "k", "bare"
STACK = (OURS, PEER, EARLY)
"""Those that have the stack."""

UNTRACED = "unittest.mock"
"""An import of the standard library that no trace saw and no start needs."""
MODULES = ("pandas", "scipy.stats", "sklearn.linear_model")
NOTEBOOK = "notebook"
GOALS = (FIRST.key, *MODULES, UNTRACED, NOTEBOOK)
"""What is measured, from the opening of the page to its result."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Course:
    """What one visit runs after its start, and who makes it.

    Attributes:
        key: the goal that it ends with: of `GOALS` all but the first, which all of them pass.
        variants: that make it.
        cells: after ``1+1``.
        shorter: variants that make it with ``1+1`` alone.
        always_twice: whether there is a second visit on slow links too, which moves next to nothing.
    """

    key: str
    cells: tuple[Cell, ...]
    variants: tuple[str, ...] = STACK
    shorter: tuple[str, ...] = ()
    always_twice: bool = False

    def is_made_by(self, variant: Variant) -> bool:
        """Whether this variant makes it."""
        return variant.key in {*self.variants, *self.shorter}

    def visits_on(self, link: Link) -> int:
        """How many visits one profile makes."""
        return 2 if self.always_twice or link.throughput is None else 1

    def cells_of(self, variant: Variant) -> tuple[Cell, ...]:
        """What this variant runs of it."""
        return (FIRST,) if variant.key in self.shorter else (FIRST, *self.cells)


def courses() -> tuple[Course, ...]:
    """All of them: each import is the first one of its visit."""
    first, *others = MODULES
    return (
        Course(key=UNTRACED, cells=(import_cell(UNTRACED),), variants=(*STACK, ALONE), shorter=(BARE,)),
        Course(key=first, cells=(import_cell(first),), shorter=(ALONE,), always_twice=True),
        *(Course(key=module, cells=(import_cell(module),)) for module in others),
        Course(key=NOTEBOOK, cells=notebook_cells(), variants=(*STACK, PLAIN), always_twice=True),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Trip:
    """A visit and the course that it was for."""

    course: str
    visit: Visit

    def upto(self, goal: str) -> list[Mark]:
        """The marks from the start to that goal; none where the visit does not reach it."""
        if goal not in {FIRST.key, self.course}:
            return []
        marks = list(self.visit.marks.values())
        if goal == FIRST.key:
            return marks[:2]
        return marks if len(marks) > 2 else []  # noqa: PLR2004 - a start and 1+1


def trip_from(fields: Mapping[str, Any]) -> Trip:
    """A trip as ``results.json`` has it: see `fields_of`."""
    marks = {key: Mark(**mark) for key, mark in fields["marks"]}
    rest = {key: value for key, value in fields.items() if key not in {"course", "marks"}}
    return Trip(course=fields["course"], visit=Visit(**rest, marks=marks))


def fields_of(trip: Trip) -> dict[str, Any]:
    """A trip for ``results.json``; its marks in their order, which JSON's objects do not keep when they are sorted."""
    fields = asdict(trip.visit)
    return fields | {"course": trip.course, "marks": list(fields["marks"].items())}


def turned(items: Sequence[Variant], number: int) -> list[Variant]:
    """The same, beginning with another one for each number."""
    at = number % len(items) if items else 0
    return [*items[at:], *items[:at]]
