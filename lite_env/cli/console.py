"""What a terminal shows: colours, progress bars in bytes, notes and warnings; rich is used only here.

Data goes to stdout, everything else to stderr. NO_COLOR, TERM=dumb and a stderr that is no terminal are respected.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import TaskID

    from lite_env.progress import Reporter, Task, Unit


@cache
def console_err() -> Console:
    """The console on stderr."""
    return Console(stderr=True)


class _BarTask:
    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def advance(self, amount: int) -> None:
        """Move the bar."""
        self._progress.advance(self._task, amount)


class ConsoleReporter:
    """Progress and notes on stderr."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet

    def note(self, message: str) -> None:
        """Say one line."""
        if not self._quiet:
            console_err().print(message, highlight=False, markup=False, soft_wrap=True)

    def warn(self, message: str) -> None:
        """Say one line that starts with ``warning:``."""
        console_err().print("[yellow]warning[/]:", end=" ", highlight=False)
        console_err().print(message, highlight=False, markup=False, soft_wrap=True)

    @contextmanager
    def task(self, label: str, total: int | None, unit: Unit) -> Iterator[Task]:
        """Open a bar; on a stderr that is no terminal nothing is drawn."""
        amount = [DownloadColumn(), TransferSpeedColumn()] if unit == "B" else [MofNCompleteColumn()]
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            *amount,
            TimeElapsedColumn(),
            console=console_err(),
            transient=True,
            disable=self._quiet or not console_err().is_terminal,
        ) as progress:
            yield _BarTask(progress, progress.add_task(label, total=total))


def reporter_of(ctx: click.Context) -> Reporter:
    """The reporter that fits the command's global options."""
    return ConsoleReporter(quiet=bool((ctx.find_root().obj or {}).get("quiet")))


def print_json(value: Any) -> None:  # noqa: ANN401 - whatever json can write
    """Write one JSON document to stdout."""
    click.echo(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False))
