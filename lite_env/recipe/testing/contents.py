"""What of a package can be asked without a kernel: which files it has."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from lite_env.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from lite_env.recipe.testing.declared import ContentsTest

_SITE = re.compile(r"(?:lib/python[0-9.]+/)?site-packages/")


def check_contents(test: ContentsTest, files: Collection[str], *, of: str) -> None:
    """See whether the package `of` has the files that it must have, and none that it must not.

    Args:
        test: what is asked.
        files: paths in the package.
        of: the package, for errors.

    Raises:
        RecipeError: one is missing, or should not be there.
    """
    for kind, patterns in test.wanted.items():
        for pattern in patterns:
            if not any(_matches(path, kind, pattern) for path in files):
                raise RecipeError(
                    f"{of} lacks a file that its recipe says it has",
                    hint="see in the log what the build installed, and where",
                    expected=f"{kind}: {pattern}",
                )
    for kind, patterns in test.unwanted.items():
        for pattern in patterns:
            found = sorted(path for path in files if _matches(path, kind, pattern))
            if found:
                raise RecipeError(
                    f"{of} has a file that its recipe says it has not",
                    found=found[0],
                    expected=f"not {kind}: {pattern}",
                )


def _matches(path: str, kind: str, pattern: str) -> bool:
    return any(fnmatchcase(path, candidate) for candidate in _candidates(path, kind, pattern))


def _candidates(path: str, kind: str, pattern: str) -> Iterator[str]:
    if kind == "files":
        yield pattern
    elif kind == "site_packages":
        root = _SITE.match(path)
        if root:
            # A module may be a file, or a package by its name with dots.
            slashed = pattern.replace(".", "/") if "/" not in pattern and not pattern.endswith(".py") else pattern
            yield from (
                root[0] + name for name in (pattern, f"{slashed}.py", f"{slashed}/__init__.py", f"{slashed}.*.so")
            )
    elif kind == "lib":
        yield from (f"lib/{name}" for name in (pattern, f"lib{pattern}.so", f"lib{pattern}.a", f"lib{pattern}.so.*"))
    else:
        yield f"{kind}/{pattern}"
