"""Which modules of an environment its users will import: the top-level ones of the packages that were asked for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lite_env.spec.matchspec import name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lite_env.pack.manifest import Package

_TOP_LEVEL = re.compile(
    r"lib/python3\.\d+/site-packages/(?P<name>[A-Za-z][A-Za-z0-9_]*)(?:\.py|/__init__\.py|(?:\.[\w-]+)?\.so)\Z"
)
_INSTALLED = re.compile(
    r"lib/python3\.\d+/site-packages/(?P<path>\w+?(?:/\w+?)*?)(?:/__init__\.py|\.py|(?:\.[\w-]+)?\.so)\Z"
)


def installed_modules(paths: Iterable[str]) -> frozenset[str]:
    """Dotted names of all modules that lie in ``site-packages`` among `paths`."""
    return frozenset(match["path"].replace("/", ".") for path in paths if (match := _INSTALLED.match(path)))


def requested_packages(requested: Iterable[str], packages: Sequence[Package]) -> frozenset[str]:
    """Names of the packages that the match specs `requested` name; where none does, those that no other depends on."""
    names = {name_of(spec) for spec in requested}
    found = {package.name for package in packages} & names
    needed = {name_of(spec) for package in packages for spec in package.depends}
    return frozenset(found or {package.name for package in packages} - needed)


def top_level_modules(paths: Iterable[str]) -> tuple[str, ...]:
    """Public modules that lie directly in ``site-packages`` among `paths`, sorted."""
    return tuple(sorted({match["name"] for path in paths if (match := _TOP_LEVEL.match(path))}))
