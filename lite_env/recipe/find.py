"""Finding recipes below the paths that a user names, and the order in which they can be built."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from lite_env.errors import RecipeError
from lite_env.recipe.engine import render
from lite_env.recipe.model import RECIPE_FILE, VARIANTS_FILE, Recipe
from lite_env.spec.matchspec import name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

_OLD = ("meta.yaml", "recipe.yml")


def find_recipes(paths: Iterable[Path]) -> tuple[Path, ...]:
    """The folders of the recipes at `paths`: each is a recipe's folder or file, or a folder of recipes; sorted.

    Raises:
        RecipeError: there is none at a path.
    """
    found = set()
    for path in paths:
        folder = path.parent if path.name == RECIPE_FILE else path
        if (folder / RECIPE_FILE).is_file():
            found.add(folder.resolve())
            continue
        below = [file.parent.resolve() for file in folder.glob(f"*/{RECIPE_FILE}")]
        if not below:
            old = any((folder / name).is_file() for name in _OLD)
            hint = f"`lite-env recipe convert {path}` makes one of conda-build's" if old else None
            raise RecipeError(
                f"there is no recipe at {path}",
                hint=hint or f"give a folder with a {RECIPE_FILE}, or a folder of such folders",
                expected=str(folder / RECIPE_FILE),
            )
        found.update(below)
    return tuple(sorted(found))


def find_variants(paths: Iterable[Path], named: Sequence[Path]) -> tuple[Path, ...]:
    """The files of variants: those that were named, or the one in the folder of recipes.

    Raises:
        RecipeError: one that was named is not there.
    """
    for file in named:
        if not file.is_file():
            raise RecipeError(f"there is no file of variants at {file}", hint="see docs/recipes.md for what is in one")
    if named:
        return tuple(file.resolve() for file in named)
    folders = [path.parent if path.name == RECIPE_FILE else path for path in paths]
    candidates = [
        parent / VARIANTS_FILE for folder in folders for parent in (folder.resolve().parent, folder.resolve())
    ]
    beside = {folder.resolve() / VARIANTS_FILE for folder in folders if (folder / RECIPE_FILE).is_file()}
    return tuple(dict.fromkeys(file for file in candidates if file.is_file() and file not in beside))


def render_all(folders: Iterable[Path], variants: Sequence[Path]) -> tuple[Recipe, ...]:
    """The recipes in `folders`, in an order in which each comes after those that it needs.

    Raises:
        RecipeError: one cannot be read, two make the same package, or they need each other.
    """
    recipes = [render(folder, variants) for folder in folders]
    makers: dict[str, Recipe] = {}
    for recipe in recipes:
        for output in recipe.outputs:
            other = makers.setdefault(output.path, recipe)
            if other is not recipe:
                raise RecipeError(
                    f"two recipes make the package {output.path}",
                    hint="give one of them another name, version or build number, or build one of them only",
                    file=str(recipe.file),
                    other=str(other.file),
                )
    needs = needs_of(recipes)
    by_name = {recipe.folder: recipe for recipe in recipes}
    try:
        order = list(TopologicalSorter({recipe.folder: needs[recipe.folder] for recipe in recipes}).static_order())
    except CycleError as error:
        circle = " → ".join(folder.name for folder in error.args[1])
        raise RecipeError(
            f"recipes need each other: {circle}",
            hint="build one of them without the other first",
            files=" → ".join(str(by_name[folder].file) for folder in error.args[1]),
        ) from None
    return tuple(by_name[folder] for folder in order)


def needs_of(recipes: Sequence[Recipe]) -> dict[Path, set[Path]]:
    """Of each recipe's folder those of the recipes that make what it is built with, or tested with."""
    makers: dict[str, set[Path]] = {}
    for recipe in recipes:
        for output in recipe.outputs:
            makers.setdefault(output.name, set()).add(recipe.folder)
    return {
        recipe.folder: {maker for name in _names(recipe) for maker in makers.get(name, ()) if maker != recipe.folder}
        for recipe in recipes
    }


def _names(recipe: Recipe) -> Iterator[str]:
    for output in recipe.outputs:
        for spec in output.all_requirements:
            name = name_of(spec)
            if name is not None:
                yield name
