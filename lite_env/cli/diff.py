"""``lite-env diff``: what changed between two locks or packs."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from lite_env.cli.boundary import Answer
from lite_env.cli.console import print_json
from lite_env.cli.question import Asked, answer, choice, write_answer
from lite_env.lock.file import has_environments
from lite_env.report.difference import compare, difference_as_json
from lite_env.report.markdown import diff_markdown
from lite_env.report.text import diff_lines


@click.command(name="diff")
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    show_default=True,
    help="Markdown is GitHub's, for a comment or the summary of a job.",
)
@choice
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 when they differ.")
def command(
    *,
    old: Path,
    new: Path,
    asked: Asked,
    form: Literal["text", "markdown", "json"],
    as_json: bool,
    exit_code: bool,
) -> None:
    """Show what changed from OLD to NEW: packages, their sizes, what was asked for, what a start loads.

    OLD and NEW are locks, packs, or reports that `lite-env report --format json` wrote. `--environment` chooses in each
    that is a pixi.lock.

    \b
    Example:
      lite-env diff old.conda-lock.yml conda-lock.yml
      git show main:conda-lock.yml > old.yml; lite-env diff old.yml conda-lock.yml --format markdown
      lite-env diff last/env site/env --exit-code
      lite-env diff conda-lock.yml pixi.lock
    """  # noqa: D301 - \b is click's mark for text that is not to be wrapped
    if asked.environment is not None and not (has_environments(old) or has_environments(new)):
        raise click.UsageError("`--environment` is of a pixi.lock, and there is none")
    difference = compare(asked.earlier(old), asked.earlier(new))
    if as_json or form == "json":
        print_json(difference_as_json(difference))
    elif form == "markdown":
        write_answer(diff_markdown(difference), None)
    else:
        answer(diff_lines(difference))
    if exit_code and difference:
        raise Answer
