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
    """Where progress, notes and warnings go; every method returns at once.

    What is `passing` is of this run alone: it waits for another process, a cache was damaged. Everything else is of the
    result, and is told again with it when it comes out of a store.
    """

    def note(self, message: str, *, passing: bool = False) -> None:
        """Say one line that a user wants to read once."""

    def warn(self, message: str, *, passing: bool = False) -> None:
        """Say one line about something that is probably a mistake."""

    def task(self, label: str, total: int | None, unit: Unit) -> AbstractContextManager[Task]:
        """Open a bar of `total` bytes or items; None when the total is not known."""


class _SilentTask:
    def advance(self, amount: int) -> None:
        """Draw nothing."""


class SilentReporter:
    """A reporter that says nothing: the default of every public function."""

    def note(self, message: str, *, passing: bool = False) -> None:
        """Say nothing."""

    def warn(self, message: str, *, passing: bool = False) -> None:
        """Say nothing."""

    @contextmanager
    def task(self, label: str, total: int | None, unit: Unit) -> Iterator[Task]:  # noqa: ARG002 - the seam's shape
        """Open a bar that is not drawn."""
        yield _SilentTask()


SILENT = SilentReporter()


class Remembering:
    """A reporter that passes on what it is told, and remembers what is of the result, and not of this run alone."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._lines: list[tuple[bool, str]] = []

    @property
    def lines(self) -> tuple[tuple[bool, str], ...]:
        """What was said of the result."""
        return tuple(self._lines)

    def note(self, message: str, *, passing: bool = False) -> None:
        """Pass on and remember."""
        if not passing:
            self._lines.append((False, message))
        self._reporter.note(message, passing=passing)

    def warn(self, message: str, *, passing: bool = False) -> None:
        """Pass on and remember."""
        if not passing:
            self._lines.append((True, message))
        self._reporter.warn(message, passing=passing)

    def tell(self, reporter: Reporter) -> None:
        """Say it again, to `reporter`."""
        for warning, text in self._lines:
            (reporter.warn if warning else reporter.note)(text)

    def task(self, label: str, total: int | None, unit: Unit) -> AbstractContextManager[Task]:
        """Pass on."""
        return self._reporter.task(label, total, unit)


class Named:
    """A reporter that says of what it is: one of many things that are done at once, which show no bars of their own."""

    def __init__(self, reporter: Reporter, name: str) -> None:
        self._reporter = reporter
        self._name = name

    def note(self, message: str, *, passing: bool = False) -> None:
        """Pass on, named."""
        self._reporter.note(f"{self._name}: {message}", passing=passing)

    def warn(self, message: str, *, passing: bool = False) -> None:
        """Pass on, named."""
        self._reporter.warn(f"{self._name}: {message}", passing=passing)

    def task(self, label: str, total: int | None, unit: Unit) -> AbstractContextManager[Task]:
        """Open a bar that is not drawn."""
        return SILENT.task(label, total, unit)
