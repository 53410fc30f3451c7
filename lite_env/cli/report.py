"""``lite-env report``: what a lock or a pack weighs, and what its start costs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click
import msgspec

from lite_env.cli.question import about, write_answer
from lite_env.report.difference import compare, difference_as_json
from lite_env.report.earlier import read_filtered
from lite_env.report.html import report_html
from lite_env.report.markdown import report_markdown
from lite_env.report.size import measure
from lite_env.report.table import json_text
from lite_env.report.text import report_lines
from lite_env.store.plain import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lite_env.cli.question import Asked
    from lite_env.report.difference import Difference
    from lite_env.report.model import SizeReport

Form = Literal["text", "json", "html", "markdown"]

_ENDINGS: Mapping[str, Form] = {".html": "html", ".json": "json", ".md": "markdown"}


@click.command(name="report")
@about
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write it here, not to stdout.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "html", "markdown"]),
    help="HTML is one file with a treemap; Markdown is for the summary of a CI job; JSON is what --compare reads."
    "  [default: as OUTPUT ends (.html, .json, .md), else text]",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option(
    "--compare",
    "earlier",
    type=click.Path(path_type=Path),
    metavar="PACK|LOCK|REPORT.json",
    help="Say also what changed since this one.",
)
@click.option(
    "--packed",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="What `lite-env pack --json` printed about the pack: then what was left out of it is told, too.",
)
def command(
    *,
    asked: Asked,
    output: Path | None,
    form: Form | None,
    as_json: bool,
    earlier: Path | None,
    packed: Path | None,
) -> None:
    """Report what a pack (or a lock) weighs: by package, folder and file, what is loaded when, what a start costs.

    Without an argument it is the lock of the environment file in this folder, or this folder if it is a pack.

    \b
    Example:
      lite-env report site/env
      lite-env report site/env -o report.html
      lite-env report site/env --format markdown --compare last.json >> "$GITHUB_STEP_SUMMARY"
      lite-env report site/env -o last.json
    """  # noqa: D301 - \b is click's mark for text that is not to be wrapped
    subject = asked.subject()
    if packed is not None and subject.manifest is None:
        raise click.UsageError("`--packed` is about a pack, and this is a lock")
    filtered = read_filtered(packed, subject.manifest) if packed is not None and subject.manifest is not None else None
    report = measure(subject, filtered=filtered)
    difference = compare(asked.earlier(earlier), report) if earlier is not None else None
    ending = _ENDINGS.get(output.suffix, "text") if output is not None else "text"
    write_answer(_written("json" if as_json else form or ending, report, difference), output)


def _written(form: Form, report: SizeReport, difference: Difference | None) -> str:
    if form == "json":
        compared = {} if difference is None else {"compared": difference_as_json(difference)}
        return json_text(msgspec.to_builtins(report) | compared)
    if form == "html":
        return report_html(report, difference)
    if form == "markdown":
        return report_markdown(report, difference)
    return "".join(f"{plain(line)}\n" for line in report_lines(report, difference))
