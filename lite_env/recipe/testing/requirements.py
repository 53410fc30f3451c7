"""Whether an environment has what the distributions of a package require, as ``pip check`` would say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from lite_env.errors import RecipeError
from lite_env.lock.wheel import marker_environment, needed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lite_env.recipe.testing.package import BuiltPackage

_REQUIRES = re.compile(r"^Requires-Dist: (.+?)\r?$", re.MULTILINE)


def check_requirements(package: BuiltPackage, versions: Mapping[str, str]) -> None:
    """Hold what `package` requires against the packages of its environment.

    Args:
        package: its files have ``METADATA``.
        versions: by name, of conda's packages.

    Raises:
        RecipeError: something is not there, or in another version.
    """
    there = _by_distribution(versions)
    environment = marker_environment(versions.get("python", ""))
    for path, data in package.files.items():
        if not path.endswith(".dist-info/METADATA"):
            continue
        requires = tuple(_REQUIRES.findall(data.decode("utf-8", "replace")))
        for spec in needed(requires, environment):
            name, _, specifier = spec.partition(" ")
            found = there.get(name)
            if found is None or not _fits(found, specifier):
                raise RecipeError(
                    f"{package.name} {package.version} requires {spec}, "
                    + ("which its environment does not have" if found is None else f"and its environment has {found}"),
                    hint=f"write {name} with that version into the recipe's `requirements: run:`, "
                    "or `pip_check: false` into the test",
                    file=path,
                )


def _by_distribution(versions: Mapping[str, str]) -> dict[str, str]:
    """The versions by names of distributions.

    conda-forge names a distribution so whose own name another package has: python-tzdata, msgpack-python.
    """
    there: dict[str, str] = {canonicalize_name(name): version for name, version in versions.items()}
    other = {name.removeprefix("python-").removesuffix("-python"): version for name, version in there.items()}
    return {**other, **there}


def _fits(version: str, specifier: str) -> bool:
    try:
        return SpecifierSet(specifier).contains(Version(version), prereleases=True)
    except InvalidVersion:
        # Of conda's, which has other versions than Python: nothing is known.
        return True
