"""``lite-env unpack``: the environment out of a pack."""

from __future__ import annotations

from pathlib import Path

import click

from lite_env.cli.console import print_json, reporter_of
from lite_env.pack.restore import unpack


@click.command(name="unpack")
@click.argument("pack", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="New folder for the environment.")
@click.option("--json", "as_json", is_flag=True, help="Print what was unpacked as JSON.")
@click.pass_context
def command(ctx: click.Context, *, pack: Path, output: Path, as_json: bool) -> None:
    """Give back the environment that PACK was made of, every byte checked.

    What filters dropped is not in a pack; packing the result gives the same bytes.

    \b
    Example:
      lite-env unpack site/env -o env
    """  # noqa: D301 - \b is click's mark for text that is not to be wrapped
    reporter = reporter_of(ctx)
    manifest = unpack(pack, output, reporter=reporter)
    environment = manifest.environment
    if as_json:
        print_json(
            {
                "name": environment.name,
                "prefix": str(output),
                "lock_digest": environment.lock_digest,
                "packages": len(environment.packages),
                "archives": len(manifest.archives),
            }
        )
    reporter.note(f"{environment.name}: {len(environment.packages)} packages, {len(manifest.archives)} archives")
