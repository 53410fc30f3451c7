"""Values of the benchmark: what is compared, over which links, and what one visit gave."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from pathlib import Path

Encoding = Literal["gzip", "br"]
Occasion = Literal["first", "second", "third", "fourth"]
OCCASIONS: tuple[Occasion, ...] = get_args(Occasion)
"""V8 keeps code that was run hot, so a third and a fourth visit may have it easier than a second."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """A network link, as the DevTools protocol imitates it.

    Attributes:
        latency: milliseconds until a response begins, at least.
        throughput: bits a second, shared by all requests; None for no limit.
    """

    key: str
    label: str
    latency: float
    throughput: float | None


LINKS = (
    Link(key="unthrottled", label="unthrottled", latency=0, throughput=None),
    Link(key="10mbit", label="10 Mbit/s, 40 ms", latency=40, throughput=10e6),
    Link(key="1.6mbit", label="1.6 Mbit/s, 300 ms", latency=300, throughput=1.6e6),
)


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
    """

    key: str
    label: str
    tree: Path
    page: str | None = None
    config: dict[str, object] = field(default_factory=dict)
    lacks: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """Code to run after the start.

    Attributes:
        key: name of the figure.
        expected: what it prints or gives.
    """

    key: str
    code: str
    expected: str


FIRST = Cell(key="1+1", code="1+1", expected="2")
NUMPY = Cell(key="numpy", code="import numpy\nprint(int(numpy.arange(10).sum()))", expected="45")

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
class Mark:
    """Where a visit stood at one moment; all but `seconds` count from the opening of the page.

    Attributes:
        seconds: for the start from the opening of the page, for a cell from its request to its idle state.
        requests: that reached the server.
        wire: bytes that the server sent, headers included.
        seen: bytes that the browser received, by the DevTools protocol.
        cpu: seconds of processors that all of the browser's processes used.
        rss: bytes of memory of the page's process at that moment; None where the system does not tell.
        peak: the most it ever had.
    """

    seconds: float
    requests: int
    wire: int
    seen: int
    cpu: float
    rss: int | None
    peak: int | None


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
