"""Whether anybody still waits for what is asked of a drive: a server sees neither a worker's end nor its patience."""

from __future__ import annotations

import math
from typing import Annotated

import msgspec

from lite_env.errors import DriveError

MAX_CONTEXTS = 1000
"""Contexts that are remembered; of more, the one that was silent for the longest time is forgotten."""


class Ticket(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a request says besides what it asks for; JupyterLite's own says nothing of it but the first.

    Attributes:
        browsing_context_id: of a page's kernel, over its restarts.
        generation: the how manieth worker of that context asks.
        deadline: when nobody waits any more, in milliseconds since 1970.
        sent: when the request was sent, by the same clock, which need not go like ours; None takes ours.
    """

    browsing_context_id: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    generation: int | None = None
    deadline: float | None = None
    sent: float | None = None

    @property
    def owner(self) -> str | None:
        """Whose requests come one after the other; None where that is not known."""
        return None if self.generation is None else self.browsing_context_id

    def limit(self, *, wall: float, clock: float) -> float:
        """When nobody waits any more, by `clock`; both are in seconds, and those at which the request came."""
        if self.deadline is None:
            return math.inf
        sent = wall * 1000 if self.sent is None else self.sent
        return clock + (self.deadline - sent) / 1000


class Generations:
    """The newest worker of each context. Not safe for threads: the drive does one request after the other."""

    def __init__(self) -> None:
        """Begin without any."""
        self._newest: dict[str, int] = {}

    def enter(self, ticket: Ticket) -> bool:
        """Whether a worker speaks for the first time in place of another one.

        Raises:
            DriveError: its kernel was started again since.
        """
        if ticket.owner is None or ticket.generation is None:
            return False
        newest = self._newest.pop(ticket.owner, None)
        self._newest[ticket.owner] = ticket.generation if newest is None else max(newest, ticket.generation)
        if len(self._newest) > MAX_CONTEXTS:
            del self._newest[next(iter(self._newest))]
        if newest is not None and ticket.generation < newest:
            raise DriveError("EIO", "the kernel that asks has ended")
        return newest is not None and ticket.generation > newest
