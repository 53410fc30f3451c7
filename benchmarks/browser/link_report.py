"""What a report tells of its links: how long requests took, and whether anything was faster than it can have been."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.browser.check import LinkCheck
    from benchmarks.browser.model import Link

CHECKS_NOTE = (
    "250 kB over each link, by each kind of request, measured in this run, and all that each first visit received: "
    "slower than the link makes it is possible, faster is not."
)
_FASTEST = 0.95  # of the seconds that the received bytes take; headers of the page come before the link is on


def checks_as_json(checks: Sequence[LinkCheck]) -> list[dict[str, Any]]:
    """As `check_rows` reads them."""
    return [asdict(check) | {"holds": check.holds} for check in checks]


def check_rows(checks: Sequence[dict[str, Any]]) -> list[list[str]]:
    """A row of a table for each check: what, what the link makes it, what was measured, and whether that can be."""
    return [
        [
            f"{check['link']}, {check['what']}",
            f"{check['expected']:.2f}",
            f"{check['seconds']:.2f}",
            _verdict(holds=check["holds"]),
        ]
        for check in checks
    ]


def visit_row(what: str, link: Link, *, seen: float | None, seconds: float | None) -> list[str] | None:
    """Such a row for a visit that has received `seen` bytes in `seconds`; None where there is nothing to hold it to."""
    if not link.throughput or seen is None or seconds is None:
        return None
    least = seen * 8 / link.throughput
    return [what, f"{least:.2f}", f"{seconds:.2f}", _verdict(holds=seconds >= _FASTEST * least)]


def _verdict(*, holds: bool) -> str:
    return "holds" if holds else "**too fast**"
