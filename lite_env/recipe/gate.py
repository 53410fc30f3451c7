"""What a package must pass before it may enter a channel: the audit, and its recipe's tests in the kernel."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lite_env.progress import SILENT
from lite_env.recipe.publish import publish
from lite_env.recipe.testing.kernel import Bed, try_package
from lite_env.store.location import cache_directory

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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

    def pass_all(self, recipe: Recipe, files: Mapping[str, Path], channels: Sequence[str]) -> str:
        """Let the packages that `recipe` made pass; the answer is what their tests said.

        Args:
            recipe: what made them.
            files: their files, by path in the channel.
            channels: URLs of what they are installed with, the first one first.

        Raises:
            RecipeError: one must not enter a channel.
        """
        said = []
        with tempfile.TemporaryDirectory(dir=cache_directory("builds"), prefix="t-") as name:
            folder = Path(name)
            candidates = folder / "channel"
            publish(candidates, {path: file.read_bytes() for path, file in files.items()})
            for output in recipe.outputs:
                if not self.engines:
                    continue
                bed = Bed(
                    channels=(candidates.as_uri(), *channels),
                    engines=self.engines,
                    folder=folder / output.build,
                    store=self.store,
                    reporter=self.reporter,
                )
                said.append(try_package(files[output.path], output.tests, bed))
        return "".join(said)
