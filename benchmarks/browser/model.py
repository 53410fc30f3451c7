"""Values of every benchmark in a browser: over which links, with which encoding, and what was counted until when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

Encoding = Literal["gzip", "br"]


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


def measured_links(keys: Iterable[str]) -> list[str]:
    """The keys that there are, each once, in the order of `LINKS`."""
    measured = set(keys)
    return [link.key for link in LINKS if link.key in measured]


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
