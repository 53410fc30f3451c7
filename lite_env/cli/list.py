"""``lite-env list``: what is in a lock or a pack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lite_env.cli.console import print_json
from lite_env.cli.question import about, answer
from lite_env.report.size import measure
from lite_env.report.text import list_lines, listed

if TYPE_CHECKING:
    from lite_env.cli.question import Asked


@click.command(name="list")
@about
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def command(*, asked: Asked, as_json: bool) -> None:
    """List the packages of a lock or a pack: name, version, build, where from, size.

    Without an argument it is the lock of the environment file in this folder, or this folder if it is a pack. Of a lock
    the size is that of the package file, of a pack that of its packed files.

    \b
    Example:
      lite-env list
      lite-env list site/env --json
    """  # noqa: D301 - \b is click's mark for text that is not to be wrapped
    subject = asked.subject()
    report = measure(subject)
    if as_json:
        print_json(listed(subject, report))
    else:
        answer(list_lines(subject, report))
