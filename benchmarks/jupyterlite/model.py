"""Values of the benchmark: what is built and visited, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from benchmarks.browser.model import Mark

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Occasion = Literal["first", "second"]
OCCASIONS: tuple[Occasion, ...] = get_args(Occasion)
Build = Literal["first", "again"]
BUILDS: tuple[Build, ...] = get_args(Build)
"""From nothing, and once more with nothing changed."""

JUPYTERLITE = "0.8.6"
NOTHING, XEUS, OURS, OURS_LOCKING = "nothing", "xeus", "lite-env", "lite-env-file"


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """A lite directory and what builds it.

    Attributes:
        key: short name, also the first folder of its URLs.
        label: in tables.
        python: of the environment whose `jupyter lite` builds it.
        folder: the lite directory.
        caches: folders that a first build must not find, by the variables that name them.
        is_visited: whether its site is opened; else only its builds are measured.
    """

    key: str
    label: str
    python: Path
    folder: Path
    caches: Mapping[str, Path]
    is_visited: bool = True

    @property
    def output(self) -> Path:
        """The site."""
        return self.folder / "_output"


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """What one `jupyter lite build` cost.

    Attributes:
        wall: seconds by the clock.
        cpu: seconds of processors, all processes that it started and waited for included.
        size: bytes of the site.
        files: of the site.
    """

    site: str
    build: Build
    round: int
    wall: float
    cpu: float
    size: int
    files: int
    load: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Visit:
    """What one visit gave.

    Attributes:
        asked: seconds from the opening of the page until the notebook had a session and its first cell was run.
        marks: for each cell, by its key, with the seconds from the opening of the page to its answer; of a further cell
            as if it had been run at the answer of the one before.
    """

    site: str
    link: str
    occasion: Occasion
    round: int
    asked: float
    marks: dict[str, Mark]
    load: float | None


def visit_from(fields: Mapping[str, Any]) -> Visit:
    """A visit as ``results.json`` has it."""
    return Visit(**{**fields, "marks": {key: Mark(**mark) for key, mark in fields["marks"].items()}})
