"""``lite-env channel``: conda channels made from what is published elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lite_env.channel.build import build_channel, plan_channel
from lite_env.channel.catalog import find_definition
from lite_env.cli.console import print_json, reporter_of, say
from lite_env.workflow.storage import opened_store

if TYPE_CHECKING:
    from lite_env.channel.build import ChannelPlan
    from lite_env.channel.model import BuiltChannel


@click.group("channel")
def command() -> None:
    """Make conda channels from what is published elsewhere.

    \b
    Example:
      lite-env channel build emscripten-forge-2023 -o my-channel
    """  # noqa: D301 - \b is click's mark for text that is not to be wrapped


@command.command("build")
@click.argument("definition", metavar="[DIR|NAME]", default=".")
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder that becomes the channel; by default the definition's own.",
)
@click.option("--force", is_flag=True, help="Build again, even if nothing has changed.")
@click.option("--offline", is_flag=True, help="Fetch nothing: take the sources from the cache.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="Answer with a JSON document.")
@click.pass_context
def build(
    ctx: click.Context,
    *,
    definition: str,
    output: Path | None,
    force: bool,
    offline: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Build the channel that DIR/channel.yaml defines, and print its URL.

    DIR is a folder with a channel.yaml (by default the current one), NAME a definition that lite_env brings. A channel
    that is there already and whole is left as it is.

    \b
    Example:
      lite-env channel build channels/emscripten-forge-2023
      lite-env channel build emscripten-forge-2023 -o my-channel
    """  # noqa: D301 - \b is click's mark for text that is not to be wrapped
    reporter = reporter_of(ctx)
    directory = find_definition(definition)
    with opened_store(directory, offline=offline, reporter=reporter) as store:
        if dry_run:
            _print_plan(plan_channel(directory, output=output, force=force, store=store), as_json=as_json)
            return
        built = build_channel(directory, output=output, force=force, offline=offline, store=store, reporter=reporter)
    size = sum(file.size for file in built.packages) / 1e6
    done = "built" if built.fresh else "nothing to do: it is built, and whole:"
    reporter.note(f"{done} {built.name}, {len(built.packages)} packages, {size:.1f} MB")
    if as_json:
        print_json(_built_json(built))
    else:
        say(built.url)


def _built_json(built: BuiltChannel) -> dict[str, Any]:
    return {
        "fresh": built.fresh,
        "name": built.name,
        "packages": [{"path": file.path, "sha256": file.sha256, "size": file.size} for file in built.packages],
        "path": str(built.path),
        "url": built.url,
    }


def _print_plan(plan: ChannelPlan, *, as_json: bool) -> None:
    packages = [] if plan.built else [package.path for package in plan.definition.packages]
    fetched = () if plan.built else plan.missing
    if as_json:
        print_json(
            {
                "build": packages,
                "fetch": [{"file": source.file, "size": source.size} for source in fetched],
                "name": plan.definition.name,
                "output": str(plan.output),
            }
        )
        return
    for source in fetched:
        say(f"fetch {source.file} ({source.size / 1e6:.1f} MB)")
    for path in packages:
        say(f"build {path}")
    say(f"nothing to do: {plan.output} is built" if plan.built else f"into {plan.output}")
