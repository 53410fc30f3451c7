"""The seam through which long work tells how far it is; drawing belongs to the command line."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

Unit = Literal["B", "items"]


class Task(Protocol):
    """One piece of long work."""

    def advance(self, amount: int) -> None:
        """Report `amount` more bytes or items as done."""


class Reporter(Protocol):
    """Where progress, notes and warnings go; every method returns at once."""

    def note(self, message: str) -> None:
        """Say one line that a user wants to read once."""

    def warn(self, message: str) -> None:
        """Say one line about something that is probably a mistake."""

    def task(self, label: str, total: int | None, unit: Unit) -> AbstractContextManager[Task]:
        """Open a bar of `total` bytes or items; None when the total is not known."""


class _SilentTask:
    def advance(self, amount: int) -> None:
        """Draw nothing."""


class SilentReporter:
    """A reporter that says nothing: the default of every public function."""

    def note(self, message: str) -> None:
        """Say nothing."""

    def warn(self, message: str) -> None:
        """Say nothing."""

    @contextmanager
    def task(self, label: str, total: int | None, unit: Unit) -> Iterator[Task]:  # noqa: ARG002 - the seam's shape
        """Open a bar that is not drawn."""
        yield _SilentTask()


SILENT = SilentReporter()
