"""Whether all that recipes need is to be had, asked before the first of them is built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lite_env.errors import RecipeError
from lite_env.lock.conda.reachable import unoffered
from lite_env.lock.conda.records import satisfies
from lite_env.recipe.lines import RecipeText
from lite_env.recipe.model import COMPILER_VERSION, TARGET
from lite_env.recipe.toolchain.packages import COMPILER
from lite_env.recipe.toolchain.python import build_subdir
from lite_env.spec.matchspec import name_of
from lite_env.store.location import cache_directory

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from lite_env.recipe.model import BuildSettings, Output, Recipe


@dataclass(frozen=True, kw_only=True, slots=True)
class _Need:
    name: str
    file: Path
    spec: str
    subdir: str
    use: str


def refuse_unoffered(recipes: Sequence[Recipe], settings: BuildSettings, channels: Sequence[str]) -> None:
    """Refuse recipes that need what neither a channel has nor one of them makes.

    Args:
        recipes: all that are built.
        settings: how; what a package is run and tested with matters where it is tested.
        channels: URLs of all that is solved from.

    Raises:
        RecipeError: with recipe and line of each.
        LockError: a channel cannot be read.
    """
    made = [output for recipe in recipes for output in recipe.outputs]
    needs = [
        need
        for recipe in recipes
        for need in dict.fromkeys(_needs(recipe, tested=settings.test))
        if not any(_answers(output, need.spec) for output in made)
    ]
    missing: set[tuple[str, str]] = set()
    for subdir in sorted({need.subdir for need in needs}):
        specs = {need.spec for need in needs if need.subdir == subdir}
        subdirs = (subdir, "noarch")
        cache = cache_directory("repodata")
        lacking = unoffered(channels, specs, subdirs, cache=cache, offline=settings.offline)
        missing |= {(subdir, spec) for spec in lacking}
    told = [need for need in needs if (need.subdir, need.spec) in missing]
    if told:
        first = told[0]
        raise RecipeError(
            f"no channel has {first.spec}, which {first.name} is {first.use} with, and no recipe makes it",
            hint="name a channel that has it with --channel, add a recipe that makes it, or look at the spelling; where"
            " it is of one variant, leave that out with --variant-config",
            file=str(first.file),
            line=_line(first),
            platform=first.subdir,
            also="; ".join(f"{need.spec} ({need.file}, line {_line(need)})" for need in told[1:]) or None,
        )


def _needs(recipe: Recipe, *, tested: bool) -> Iterator[_Need]:
    for output in recipe.outputs:
        used = [
            ("built", build_subdir(), output.build_requirements),
            ("built", recipe.platform, output.host_requirements),
        ]
        version = output.variant.get(COMPILER_VERSION)
        if version is not None and any(name_of(spec) == COMPILER for spec in output.build_requirements):
            # The compiler exports it: no host environment is solved without.
            used.append(("built", TARGET, (f"emscripten-abi {version}.*",)))
        if tested:
            used += [("run", TARGET, output.run_requirements), ("tested", TARGET, output.test_requirements)]
        for use, subdir, specs in used:
            for spec in specs:
                # Virtual packages are no packages.
                if not (name_of(spec) or "__").startswith("__"):
                    yield _Need(name=recipe.name, file=recipe.file, spec=spec, subdir=subdir, use=use)


def _answers(output: Output, spec: str) -> bool:
    return name_of(spec) == output.name and satisfies(
        spec,
        name=output.name,
        version=output.version,
        build=output.build,
        build_number=int(output.rendered.get("build", {}).get("number", 0) or 0),
        subdir=output.subdir,
    )


def _line(need: _Need) -> int | None:
    return RecipeText(need.file).line_of_requirement(need.spec)
