"""What a terminal shows: colours, progress bars in bytes, notes and warnings; rich is used only here.

Data goes to stdout, everything else to stderr. NO_COLOR, TERM=dumb and a stderr that is no terminal are respected.
"""

from __future__ import annotations

import json
import re
from contextlib import contextmanager, suppress
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
from rich.text import Text

from lite_env.store.plain import bounded, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import TaskID

    from lite_env.progress import Reporter, Task, Unit

_SURROGATE = re.compile("[\ud800-\udfff]")


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Say nothing more: that nobody reads what is said is no reason to end what is done."""
        self.quiet = True


@cache
def console_err() -> Console:
    """The console on stderr; it takes every text as text: no markup, no emoji codes."""
    return _Console(stderr=True, markup=False, emoji=False, highlight=False, soft_wrap=True)


def tell(text: str, *, label: str = "", style: str = "", whole: bool = False) -> None:
    """Print `text` on stderr, after `label` in a colour; what a terminal would obey in them is made visible.

    What a stranger wrote at length is shortened, unless `whole`.

    A stderr that cannot be written (closed, full) is no reason to fail.
    """
    with suppress(OSError):
        console_err().print(Text(label, style=style) + Text(plain(text if whole else bounded(text))))


def say(text: str) -> None:
    """Print `text` on stdout; what a terminal would obey in it is made visible."""
    click.echo(plain(text))


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

    def note(self, message: str, *, passing: bool = False) -> None:  # noqa: ARG002 - all is told
        """Say one line."""
        if not self._quiet:
            tell(message)

    def warn(self, message: str, *, passing: bool = False) -> None:  # noqa: ARG002 - all is told
        """Say one line that starts with ``warning:``."""
        tell(f": {message}", label="warning", style="yellow")

    @contextmanager
    def task(self, label: str, total: int | None, unit: Unit) -> Iterator[Task]:
        """Open a bar; on a stderr that is no terminal nothing is drawn."""
        amount = [DownloadColumn(), TransferSpeedColumn()] if unit == "B" else [MofNCompleteColumn()]
        with Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            *amount,
            TimeElapsedColumn(),
            console=console_err(),
            transient=True,
            disable=self._quiet or not console_err().is_terminal,
        ) as progress:
            yield _BarTask(progress, progress.add_task(plain(bounded(label)), total=total))


def reporter_of(ctx: click.Context) -> Reporter:
    """The reporter that fits the command's global options."""
    return ConsoleReporter(quiet=bool((ctx.find_root().obj or {}).get("quiet")))


def print_json(value: Any) -> None:  # noqa: ANN401 - whatever json can write
    """Write one JSON document to stdout."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
    # They are no text, so UTF-8 cannot hold them; JSON can.
    click.echo(_SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text))
