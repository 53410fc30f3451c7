"""``lite-env recipe``: packages made from source."""

from __future__ import annotations

import click

from lite_env.cli.recipe_build import build
from lite_env.cli.recipe_convert import convert


@click.group("recipe")
def command() -> None:
    """Make packages from source.

    \b
    Example:
      lite-env recipe build recipes --channel-dir my-channel --channel ./channels/emscripten-forge-2023
      lite-env recipe convert old-recipe -o recipes/new
    """  # noqa: D301 - \b is click's mark for text that is not to be wrapped


command.add_command(build)
command.add_command(convert)
