"""``lite-env check``: whether a pack is what it should be. Each thing that is asked is one option."""

from __future__ import annotations

from pathlib import Path

import click

from lite_env.cli.boundary import Answer
from lite_env.cli.console import print_json
from lite_env.cli.measures import SIZE
from lite_env.cli.question import answer
from lite_env.report.budget import budget_as_json, budget_lines, check_budget
from lite_env.report.size import measure
from lite_env.report.subject import read_subject


@click.command(name="check")
@click.argument("pack", type=click.Path(path_type=Path))
@click.option(
    "--budget", type=SIZE, metavar="SIZE", help="The most bytes that may be loaded before the first cell: 25MB, 10MiB."
)
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def command(*, pack: Path, budget: int | None, as_json: bool) -> None:
    """Check PACK; exit 1 if the answer is no.

    `--budget` counts what each kernel's start loads of the pack: manifest, index, the kernel's own files and the
    archives that it loads before the first cell, as they lie there. The page and its runtime are not the pack's and are
    not counted. Above the budget it is told which packages the bytes go to.

    \b
    Example:
      lite-env check site/env --budget 25MB
    """  # noqa: D301 - \b is click's mark for text that is not to be wrapped
    if budget is None:
        raise click.UsageError("say what to check: --budget SIZE")
    found = check_budget(measure(read_subject(pack)), budget)
    if as_json:
        print_json({"ok": bool(found), "checks": [budget_as_json(found)]})
    else:
        answer(budget_lines(found))
    if not found:
        raise Answer
