"""Why a build failed, as an error: what rattler-build said is looked through for what users can mend."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lite_env.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from lite_env.recipe.model import Recipe, RecipeSource

_SAID = 30  # lines of a log that an error shows
_HASH = re.compile(r"sha256 checksum validation failed for .*\n\s*expected: (\w+)\n\s*actual:\s*(\w+)")
_UNSOLVED = "Failed to resolve dependencies"
_PATCH, _HUNK = "Patch application error", "Hunk content:"


def explained(recipe: Recipe, copy: Path, log: Path) -> RecipeError:
    """The error for a build that failed.

    Args:
        recipe: what was built.
        copy: the folder that it was built from; the recipe's own is named instead.
        log: what the build said.
    """
    whole = log.read_text(encoding="utf-8", errors="replace").replace(str(copy), str(recipe.folder)).strip()
    said = "\n".join(whole.splitlines()[-_SAID:])
    file = str(recipe.file)
    wrong = _HASH.search(whole)
    if wrong is not None:
        source = next((source for source in _sources(recipe) if source.sha256 == wrong[1]), None)
        return RecipeError(
            f"a source of {recipe.name} is another one than its recipe asks for",
            hint="see whether the sha256 in the recipe is right, and whether the file was replaced where it lies",
            file=file,
            source=source.place if source else None,
            expected=f"sha256 {wrong[1]}",
            found=f"sha256 {wrong[2]}",
        )
    patches = _patches_in(recipe, whole)
    if patches:
        return RecipeError(
            f"the patch {' or '.join(patches)} of {recipe.name} does not apply to its source",
            hint="make it anew from the source that the recipe names, in the form of `git diff`",
            file=", ".join(str(recipe.folder / patch) for patch in patches),
            recipe=file,
            log=str(log),
            said=said,
        )
    if _UNSOLVED in whole:
        return RecipeError(
            f"what {recipe.name} is built with cannot be had together",
            hint="each is in a channel, but no versions of them fit: loosen one, or build another one",
            file=file,
            build=_all(output.build_requirements for output in recipe.outputs),
            host=_all(output.host_requirements for output in recipe.outputs),
            log=str(log),
            said=said,
        )
    return RecipeError(
        f"{recipe.name} could not be built", hint="the whole log is beside", file=file, log=str(log), said=said
    )


def _all(requirements: Iterable[Sequence[str]]) -> str | None:
    return ", ".join(sorted({spec for specs in requirements for spec in specs})) or None


def _sources(recipe: Recipe) -> list[RecipeSource]:
    return [source for output in recipe.outputs for source in output.sources]


def _patches_in(recipe: Recipe, said: str) -> list[str]:
    """The patches that a failure may be about, one where the hunk tells; none where it is about something else."""
    if _PATCH not in said:
        return []
    patches = sorted({patch for source in _sources(recipe) for patch in source.patches})
    hunk = _lines(said.rpartition(_HUNK)[2].strip()) if _HUNK in said else ""
    having = [patch for patch in patches if hunk and hunk in _lines(_text_of(recipe.folder / patch))]
    return having or patches


def _lines(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines())


def _text_of(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
