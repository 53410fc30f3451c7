"""``lite-env recipe build``: a channel made of recipes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lite_env.cli.boundary import Answer, show_error
from lite_env.cli.console import print_json, reporter_of, say
from lite_env.cli.signals import ending
from lite_env.workflow.storage import opened_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lite_env.recipe.build import BuiltRecipe, FailedRecipe, Plan


@click.command("build")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True), metavar="PATH…")
@click.option(
    "--channel-dir",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="The folder that becomes the channel, or is one already.",
)
@click.option(
    "--channel",
    "channels",
    multiple=True,
    metavar="URL",
    help="Take what recipes need from here, besides DIR and the toolchain; may be repeated, the first one first.",
)
@click.option(
    "--variant-config",
    "variants",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Variants to build; default: the variants.yaml in PATH, or in the folder above it.",
)
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Recipes at the same time; default: one a core.")
@click.option("--no-test", is_flag=True, help="Do not run the tests of the recipes.")
@click.option("--offline", is_flag=True, help="Fetch nothing: take sources from the cache.")
@click.option("--dry-run", is_flag=True, help="Say what would be built, and build nothing.")
@click.option("--json", "as_json", is_flag=True, help="Answer with a JSON document.")
@click.pass_context
def build(
    ctx: click.Context,
    *,
    paths: tuple[Path, ...],
    channel_dir: Path,
    channels: tuple[str, ...],
    variants: tuple[Path, ...],
    jobs: int | None,
    no_test: bool,
    offline: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Build the recipes at each PATH for emscripten-wasm32 into the channel DIR, and print its URL.

    PATH is a folder with a recipe.yaml (rattler-build's format), or a folder of such folders. They are built in the
    order in which they need each other, and what was built before is not built again. A package enters the channel when
    it has passed the checks of `lite-env check` and its recipe's tests in a real kernel, in Node.js and in Chromium.
    What a build said is in DIR/.logs.

    \b
    Example:
      lite-env recipe build recipes --channel-dir my-channel --channel ./channels/emscripten-forge-2023
    """  # noqa: D301 - \b is click's mark for text that is not to be wrapped
    from lite_env.recipe.build import Builder  # noqa: PLC0415 - rattler takes a third of a second to import
    from lite_env.recipe.channels import channels_for  # noqa: PLC0415
    from lite_env.recipe.find import find_recipes, find_variants, render_all  # noqa: PLC0415
    from lite_env.recipe.gate import Gate  # noqa: PLC0415
    from lite_env.recipe.model import BuildSettings  # noqa: PLC0415
    from lite_env.recipe.testing.kernel import engines_here  # noqa: PLC0415
    from lite_env.recipe.toolchain.channel import prepare_toolchain  # noqa: PLC0415

    reporter = reporter_of(ctx)
    files = find_variants(paths, variants)
    recipes = render_all(find_recipes(paths), files)
    with ending(), opened_store(channel_dir, offline=offline, reporter=reporter) as store:
        settings = BuildSettings(
            channels=channels_for(channels, offline=offline, store=store, reporter=reporter),
            variants=files,
            jobs=jobs or os.cpu_count() or 1,
            test=not no_test,
            offline=offline,
        )
        toolchain = prepare_toolchain(reporter, store=store, offline=offline)
        engines = () if no_test or dry_run else engines_here(reporter)
        tools = (folder.as_uri() for folder in toolchain.channels)
        gate = Gate((*settings.channels, *tools), engines=engines, store=store, reporter=reporter)
        builder = Builder(channel_dir, settings, toolchain, store=store, gate=gate, reporter=reporter)
        if dry_run:
            _print_plan(builder.plan(recipes), as_json=as_json)
            return
        built, failed = builder.build(recipes)
    _tell(channel_dir, built, failed, as_json=as_json)
    if failed:
        raise Answer


def _tell(channel: Path, built: Sequence[BuiltRecipe], failed: Sequence[FailedRecipe], *, as_json: bool) -> None:
    url = channel.absolute().as_uri()
    if as_json:
        print_json(
            {
                "built": [_built_json(recipe) for recipe in built],
                "channel": url,
                "failed": [
                    {"context": dict(recipe.error.context), "error": recipe.error.message, "recipe": recipe.name}
                    for recipe in failed
                ],
            }
        )
    else:
        for recipe in built:
            seconds = f", {recipe.seconds:.1f} s" if recipe.log else ""
            say(f"{recipe.name}: {recipe.how}, {len(recipe.packages)} packages, {recipe.size / 1e6:.2f} MB{seconds}")
        if not failed:
            say(url)
    for fault in failed:
        show_error(fault.error)


def _built_json(recipe: BuiltRecipe) -> dict[str, Any]:
    return {
        "how": recipe.how,
        "log": str(recipe.log) if recipe.log else None,
        "packages": dict(sorted(recipe.packages.items())),
        "recipe": recipe.name,
        "seconds": round(recipe.seconds, 3),
        "size": recipe.size,
    }


def _print_plan(plan: Plan, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "steps": [
                    {"packages": [output.path for output in recipe.outputs], "recipe": recipe.name, "step": step}
                    for recipe, step in plan.steps
                ]
            }
        )
        return
    for recipe, step in plan.steps:
        say(f"{step} {recipe.name}: " + (", ".join(output.path for output in recipe.outputs) or "no variant of it"))
