"""What a build says: lines in JupyterLite's log, of which warnings are kept for the site."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lite_env.store.plain import bounded, plain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from logging import Logger, LoggerAdapter

    from lite_env.progress import Task, Unit

    Log = Logger | LoggerAdapter[Logger]

_EVERY = 5.0  # seconds between two lines of one piece of work
_MEGABYTE = 1_000_000


class LogReporter:
    """A reporter that writes into a log, and remembers its warnings."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._warnings: list[str] = []

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was warned of the result, and not of this run alone."""
        return tuple(dict.fromkeys(self._warnings))

    def note(self, message: str, *, passing: bool = False) -> None:  # noqa: ARG002 - all is told
        """Say one line."""
        self._log.info("[lite-env] %s", plain(bounded(message)))

    def warn(self, message: str, *, passing: bool = False) -> None:
        """Say one line, and keep it unless it is of this run alone."""
        self._log.warning("[lite-env] %s", plain(bounded(message)))
        if not passing:
            self._warnings.append(message)

    @contextmanager
    def task(self, label: str, total: int | None, unit: Unit) -> Iterator[Task]:
        """Say every few seconds how far it is; nothing of what is done before."""
        yield _LoggedTask(self._log, plain(bounded(label)), total, unit)


class _LoggedTask:
    def __init__(self, log: Log, label: str, total: int | None, unit: Unit) -> None:
        self._log = log
        self._label = label
        self._total = total
        self._unit = unit
        self._done = 0
        self._told = time.monotonic()

    def advance(self, amount: int) -> None:
        """Count, and say it when the last line is old."""
        self._done += amount
        now = time.monotonic()
        if now - self._told >= _EVERY:
            self._told = now
            self._log.info("[lite-env] %s: %s", self._label, self._amount())

    def _amount(self) -> str:
        if self._unit == "items":
            return f"{self._done}" if self._total is None else f"{self._done} of {self._total}"
        done = f"{self._done / _MEGABYTE:.1f}"
        return f"{done} MB" if self._total is None else f"{done} of {self._total / _MEGABYTE:.1f} MB"
