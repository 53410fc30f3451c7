"""Where in a recipe a thing stands: rattler-build renders a recipe, and what it says then has lost its lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml

from lite_env.errors import RecipeError
from lite_env.recipe.model import RECIPE_FILE
from lite_env.spec.matchspec import name_of
from lite_env.store.text import Origin, decode_text, read_bounded
from lite_env.store.yaml_text import compose_yaml, plain_value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

_CALL = re.compile(r"\$\{\{\s*(\w+)")
# What `${{ compiler('c') }}` and the like render to begins with a name that nobody can tell from the text.
_RENDERED = frozenset({"compiler", "stdlib", "pin_compatible", "pin_subpackage"})


class RecipeText:
    """A ``recipe.yaml``, or a file of variants, as it was written.

    Args:
        file: where it is.

    Raises:
        RecipeError: it cannot be read, or is no YAML; with the line.
    """

    def __init__(self, file: Path) -> None:
        self._origin = Origin(
            what="the recipe" if file.name == RECIPE_FILE else "the file of variants", error=RecipeError, file=str(file)
        )
        self.text = decode_text(read_bounded(file, self._origin), self._origin)
        self._root = compose_yaml(self.text, self._origin)

    def value(self) -> Any:  # noqa: ANN401 - whatever YAML can hold
        """What it holds, as plain values.

        Raises:
            RecipeError: it has a date that no calendar has.
        """
        return plain_value(self._root, self._origin)

    def lines_of_key(self, key: str) -> tuple[int, ...]:
        """The lines, from 1, where a key has this name."""
        return tuple(node.start_mark.line + 1 for node, _ in _pairs(self._root) if node.value == key)

    def line_of_requirement(self, spec: str) -> int | None:
        """The line of the match spec `spec` among requirements, from 1.

        Where it is rendered from an expression: of the first that it may be from; None where there is none.
        """
        name = name_of(spec)
        calls = []
        for node in _requirements(self._root):
            found = _CALL.search(node.value)
            if found is None and name_of(node.value) == name:
                return node.start_mark.line + 1
            if found is not None:
                literal = node.value[: found.start()].strip()
                if literal and name is not None and name.startswith(literal):
                    return node.start_mark.line + 1
                calls.append((found[1] not in _RENDERED, node.start_mark.line + 1))
        return min(calls)[1] if calls else None


def _pairs(node: yaml.Node | None) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key, value
            yield from _pairs(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _pairs(item)


def _requirements(root: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    for key, value in _pairs(root):
        if key.value == "requirements":
            yield from _scalars(value)


def _scalars(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    if isinstance(node, yaml.ScalarNode):
        yield node
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value != "if":
                yield from _scalars(value)
    else:
        for item in node.value:
            yield from _scalars(item)
