"""``lite-env export``: a lock or a pack in the format of another tool."""

from __future__ import annotations

from pathlib import Path

import click

from lite_env.cli.question import about, write_answer
from lite_env.report.export import FORMATS
from lite_env.report.subject import read_subject


@click.command(name="export")
@about
@click.option("--format", "form", type=click.Choice(sorted(FORMATS)), required=True, help="Which format.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write it here, not to stdout.")
def command(*, about: Path | None, form: str, output: Path | None) -> None:
    """Write a lock or a pack in the format of another tool.

    `cyclonedx` is a bill of materials (CycloneDX 1.6, JSON) with the hash, licence and package URL of each package.
    From equal locks come equal bytes. Without an argument it is the lock of the environment file in this folder.

    \b
    Example:
      lite-env export --format cyclonedx -o sbom.cdx.json
    """  # noqa: D301 - \b is click's mark for text that is not to be wrapped
    write_answer(FORMATS[form](read_subject(about)), output)
