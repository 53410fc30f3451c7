"""What the commands that answer questions about a lock or a pack have in common."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lite_env.cli.console import say
from lite_env.store.atomic import write_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_Command = TypeVar("_Command", bound="Callable[..., Any]")


def about(function: _Command) -> _Command:
    """The argument LOCK or PACK, by default what is in this folder."""
    return click.argument("about", required=False, metavar="[LOCK|PACK]", type=click.Path(path_type=Path))(function)


def answer(lines: Iterable[str]) -> None:
    """Print an answer, a line each."""
    for line in lines:
        say(line)


def write_answer(text: str, output: Path | None) -> None:
    """Write a whole text as it is to a file, or to stdout."""
    if output is not None:
        write_text(output, text)
    else:
        click.echo(text, nl=False)
