"""What every visit keeps to: how long it may take, how long it rests, and what comes of one that fails."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from benchmarks.browser.cdp import ProtocolError
from benchmarks.common import say

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from benchmarks.browser.cdp import Session
    from benchmarks.browser.model import Cell

_VISIT_SECONDS = 400.0
_REST_SECONDS = 4.0  # after a visit, for whatever a page keeps or fetches in the background; V8 keeps code after two
_ATTEMPTS = 2  # a visit that fails is tried once more, and then the run goes on without it
_Given = TypeVar("_Given")


class VisitFailedError(Exception):
    """The kernel did not start, or a cell gave something else than expected."""


async def limited(visit: Awaitable[_Given], what: str) -> _Given:
    """Wait for a visit; `what` names it.

    Raises:
        VisitFailedError: it failed, or took too long.
    """
    try:
        return await asyncio.wait_for(visit, _VISIT_SECONDS)
    except (TimeoutError, ProtocolError) as error:
        reason = str(error) or f"no answer in {_VISIT_SECONDS:.0f} s"
        raise VisitFailedError(f"{what}: {reason}") from error


def expect(cell: Cell, text: str, who: str) -> None:
    """See that a cell gave what it had to.

    Raises:
        VisitFailedError: it gave something else.
    """
    if cell.expected not in text:
        raise VisitFailedError(f"{who}: {cell.key} gave {text[-2000:]!r}")


async def leave(page: Session) -> None:
    """Rest, and close the page."""
    await asyncio.sleep(_REST_SECONDS)
    await page.send("Page.close")


async def attempt(
    run: Callable[[], Awaitable[list[_Given]]], line: Callable[[_Given], str]
) -> tuple[list[_Given], list[str]]:
    """All visits of a profile, or why there are none; of each a `line` is said."""
    reason = ""
    for _attempt_number in range(_ATTEMPTS):
        try:
            visits = await run()
        except VisitFailedError as error:
            reason = str(error)
            say(f"  failed: {reason}")
        else:
            say("  " + "; ".join(line(visit) for visit in visits))
            return visits, []
    return [], [reason]
