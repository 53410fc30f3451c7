"""``lite-env tree``: which package needs which."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from lite_env.cli.console import print_json
from lite_env.cli.question import about, answer
from lite_env.report.graph import make_graph
from lite_env.report.tree import MAX_DEPTH, tree_lines, tree_rows

if TYPE_CHECKING:
    from lite_env.cli.question import Asked


@click.command(name="tree")
@about
@click.option("--depth", type=click.IntRange(0, MAX_DEPTH), metavar="N", help="Show N levels below the top.")
@click.option("--invert", metavar="PACKAGE", help="Show what needs PACKAGE, up to what was asked for.")
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON, in order, each with its depth.")
def command(*, asked: Asked, depth: int | None, invert: str | None, as_json: bool) -> None:
    """Show the packages of a lock or a pack as a tree, below what was asked for.

    What stands behind a package is the constraint by which the one above needs it. A package is taken apart where it
    stands first; after that it is only named, with a mark. Without an argument it is the lock of the environment file
    in this folder.

    \b
    Example:
      lite-env tree --depth 1
      lite-env tree site/env --invert python-dateutil
    """  # noqa: D301 - \b is click's mark for text that is not to be wrapped
    subject = asked.subject()
    rows = tree_rows(make_graph(subject), depth=depth, invert=invert)
    if as_json:
        print_json({"name": subject.name, "kind": subject.kind, "rows": [asdict(row) for row in rows]})
    else:
        answer(tree_lines(rows, inverted=invert is not None))
