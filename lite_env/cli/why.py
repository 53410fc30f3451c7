"""``lite-env why``: what leads to a package."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lite_env.cli.console import print_json
from lite_env.cli.question import about, answer
from lite_env.report.graph import make_graph
from lite_env.report.why import DEFAULT_WAYS, ways_as_json, ways_to, why_lines

if TYPE_CHECKING:
    from lite_env.cli.question import Asked


@click.command(name="why")
@click.argument("package")
@about
@click.option(
    "--limit", type=click.IntRange(min=1, max=1000), default=DEFAULT_WAYS, show_default=True, help="Ways to show."
)
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def command(*, package: str, asked: Asked, limit: int, as_json: bool) -> None:
    """Say why PACKAGE is in a lock or a pack: every way to it from what was asked for, the shortest first.

    Without a second argument it is the lock of the environment file in this folder.

    \b
    Example:
      lite-env why six
      lite-env why six site/env
    """  # noqa: D301 - \b is click's mark for text that is not to be wrapped
    graph = make_graph(asked.subject())
    ways = ways_to(graph, package, limit=limit)
    if as_json:
        print_json(ways_as_json(graph, ways))
    else:
        answer(why_lines(graph, ways))
