"""``lite-env export``: a lock or a pack in the format of another tool."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lite_env.cli.console import reporter_of
from lite_env.cli.question import about, write_answer
from lite_env.report.export import FORMATS

if TYPE_CHECKING:
    from lite_env.cli.question import Asked


@click.command(name="export")
@about
@click.option("--format", "form", type=click.Choice(sorted(FORMATS)), required=True, help="Which format.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write it here, not to stdout.")
@click.pass_context
def command(ctx: click.Context, *, asked: Asked, form: str, output: Path | None) -> None:
    """Write a lock or a pack in the format of another tool.

    `cyclonedx` is a bill of materials (CycloneDX 1.6, JSON) with the hash, licence and package URL of each package.
    Only of a lock: `pixi` is a pixi.lock of version 7, which pixi 0.68 and later read, `pixi-6` one of version 6, for
    0.39 and later; `explicit` is a list of addresses for conda and mamba; `conda-lock` is our own format. A pixi.lock
    or an @EXPLICIT list may be exported as well. From equal locks come equal bytes. Without an argument it is the lock
    of the environment file in this folder.

    \b
    Example:
      lite-env export --format cyclonedx -o sbom.cdx.json
      lite-env export --format pixi -o pixi.lock
      lite-env export explicit.txt --format conda-lock -o conda-lock.yml
    """  # noqa: D301 - \b is click's mark for text that is not to be wrapped
    subject = asked.subject()
    folder = (output or Path("conda-lock.yml")).absolute().parent
    text = FORMATS[form].write(subject, folder)
    for loss in FORMATS[form].losses(subject):
        reporter_of(ctx).warn(loss)
    write_answer(text, output)
