"""Values of the benchmark: what is compared, and what one visit gave."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from benchmarks.browser.model import Cell

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.browser.model import Encoding, Mark

Occasion = Literal["first", "second", "third", "fourth"]
OCCASIONS: tuple[Occasion, ...] = get_args(Occasion)
"""V8 keeps code that was run hot, so a third and a fourth visit may have it easier than a second."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Variant:
    """One way to start the kernel.

    Attributes:
        key: short name, also the first folder of its URLs.
        label: in tables.
        tree: the folder that is served.
        page: path of the page below that folder; None where the benchmark's own page is used.
        config: for the benchmark's own page: which worker it starts and how it speaks to it.
        lacks: imports that it cannot do.
        settled: what gives a promise that a first visit waits for before its cells run: what it leaves to the next one.
    """

    key: str
    label: str
    tree: Path
    page: str | None = None
    config: dict[str, object] = field(default_factory=dict)
    lacks: frozenset[str] = frozenset()
    settled: str | None = None


UNTRACED = (
    "json.tool",
    "tomllib",
    "email.mime.multipart",
    "unittest.mock",
    "numpy.f2py",
    "pkg_resources",
    "pip._internal.commands.install",
)
"""Imports that no trace of the default configuration saw, from 1 module to 457.

None of them imports another of them, so that they can be measured one after the other, in any order.
"""
OF_PIP = frozenset({"pkg_resources", "pip._internal.commands.install"})
"""Those that come with pip: the lean environment has none, and empack's default filters drop what they import."""


def import_cell(module: str) -> Cell:
    """A cell that imports `module`, and fails where it already was imported."""
    code = f"import sys\nassert {module!r} not in sys.modules\nimport {module}\nprint('imported')"
    return Cell(key=module, code=code, expected="imported")


@dataclass(frozen=True, kw_only=True, slots=True)
class Visit:
    """What one visit gave: a mark for ``ready`` and for each cell."""

    variant: str
    link: str
    encoding: Encoding
    occasion: Occasion
    round: int
    marks: dict[str, Mark]
    load: float | None
