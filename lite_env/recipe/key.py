"""The key of a build: all that decides what comes of it, and nothing of where or when it is done."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from lite_env.lock.conda.reachable import reachable_digest
from lite_env.prefix.families import example_packages
from lite_env.recipe.model import TARGET
from lite_env.recipe.sources import folder_digest, local_sources_digest
from lite_env.recipe.toolchain.python import build_subdir
from lite_env.store.digest import sha256_of_file
from lite_env.store.location import cache_directory
from lite_env.store.protocol import key_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lite_env.recipe.model import BuildSettings, Recipe
    from lite_env.recipe.toolchain.channel import Toolchain
    from lite_env.store.protocol import Key

KIND = "recipe"
REVISION = 2
"""Raised when lite_env makes another package of the same recipe, or asks more of it."""

# What the compiler's run_exports bring, and what a kernel for the tests is.
_ALWAYS = ("emscripten-abi", "python", *example_packages())


def build_key(recipe: Recipe, settings: BuildSettings, toolchain: Toolchain, channels: Sequence[str]) -> Key | None:
    """The key of building `recipe` as it stands; None where a source of it may change by itself.

    What the recipe makes itself decides nothing: it is in the channel when it was built before.

    Args:
        recipe: what is built.
        settings: how.
        toolchain: by what.
        channels: URLs of all that is solved from, the first one first.

    Raises:
        LockError: a channel cannot be read.
    """
    if not all(source.is_pinned for output in recipe.outputs for source in output.sources):
        return None
    dependencies = reachable_digest(
        channels,
        {*_ALWAYS, *recipe.needs},
        (TARGET, "noarch", build_subdir()),
        cache=cache_directory("repodata"),
        offline=settings.offline,
    )
    return key_of(
        KIND,
        REVISION,
        [version("py-rattler-build"), version("py-rattler")],
        folder_digest(recipe.folder),
        local_sources_digest(recipe),
        [sha256_of_file(file) for file in settings.variants],
        [[output.path, output.rendered, dict(output.variant)] for output in recipe.outputs],
        toolchain.digest,
        dependencies,
        settings.test,
    )
