"""What a package must pass before it may enter a channel: the audit, and its recipe's tests in the kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lite_env.progress import SILENT
from lite_env.recipe.publish import publish
from lite_env.recipe.testing.kernel import Bed, try_package

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lite_env.host.run import EngineName
    from lite_env.progress import Reporter
    from lite_env.recipe.model import Recipe
    from lite_env.store.protocol import Store


@dataclass(frozen=True, kw_only=True, slots=True)
class Gate:
    """Refuses packages.

    Attributes:
        engines: where tests run; none where they are not asked for.
        store: keeps what is done.
        reporter: told what is done.
    """

    engines: tuple[EngineName, ...]
    store: Store
    reporter: Reporter = SILENT

    def pass_all(self, recipe: Recipe, files: Mapping[str, Path], channels: Sequence[str], folder: Path) -> str:
        """Let the packages that `recipe` made pass; the answer is what their tests said.

        Args:
            recipe: what made them.
            files: their files, by path in the channel.
            channels: URLs of what they are installed with, the first one first.
            folder: is made, for environments and packs.

        Raises:
            RecipeError: one must not enter a channel.
        """
        said = []
        candidates = folder / "channel"
        publish(candidates, {path: file.read_bytes() for path, file in files.items()})
        for output in recipe.outputs if self.engines else ():
            bed = Bed(
                channels=(candidates.as_uri(), *channels),
                engines=self.engines,
                folder=folder / output.build,
                store=self.store,
                reporter=self.reporter,
            )
            said.append(try_package(files[output.path], output.tests, bed))
        return "".join(said)
