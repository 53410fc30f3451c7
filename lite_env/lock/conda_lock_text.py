"""Dependencies as CEP 37 writes them: a mapping from names to constraints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_env.spec.matchspec import split_name

if TYPE_CHECKING:
    from collections.abc import Mapping

_OPERATORS = ("=", "!", "<", ">", "~", "[")


def dependencies_of(depends: tuple[str, ...]) -> dict[str, str]:
    """Match specs as the CEP's mapping: name and constraint, which concatenated are a match spec again."""
    mapping: dict[str, str] = {}
    for text in depends:
        name, constraint = split_name(text)
        if not name:
            name, constraint = text, ""
        if constraint and not constraint.startswith(_OPERATORS):
            constraint = f" {constraint}"
        mapping.setdefault(name, constraint)
    return mapping


def specs_of(dependencies: Mapping[str, str]) -> tuple[str, ...]:
    """The match specs that a ``dependencies`` mapping stands for, sorted."""
    return tuple(sorted(f"{name} {constraint.strip()}".strip() for name, constraint in dependencies.items()))
