"""YAML that keeps its lines: parsed to nodes, so that every complaint can name the place.

Scalars keep the text that was written: YAML 1.1 would read ``3.10`` as 3.1 and ``no`` as false.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import yaml

from lite_env.store.text import Origin, shown
from lite_env.store.yaml_text import compose_yaml, plain_value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lite_env.errors import LiteEnvError

MAX_BYTES: Final = 16 << 20
"""Bytes of one document: a lock of 500 packages for five platforms has a tenth of it."""

_STRING = "tag:yaml.org,2002:str"
_NULL = "tag:yaml.org,2002:null"
_READ_AS = {
    "tag:yaml.org,2002:float": "a number",
    "tag:yaml.org,2002:int": "a number",
    "tag:yaml.org,2002:bool": "true or false",
    "tag:yaml.org,2002:timestamp": "a date",
    _NULL: "nothing",
    "tag:yaml.org,2002:map": "a mapping",
    "tag:yaml.org,2002:seq": "a list",
}


class Document:
    """One YAML document and the error that its faults become.

    Args:
        text: the whole file.
        file: for the errors' context.
        error: the class that every fault is raised as.

    Raises:
        LiteEnvError: of the given class, when this is not YAML, is beyond a bound (see
            :mod:`lite_env.store.yaml_text`) or a key stands twice in one mapping.
    """

    def __init__(self, text: str, *, file: Path, error: type[LiteEnvError]) -> None:
        self.file = file
        self._error = error
        self._origin = Origin(what="this", error=error, file=str(file), max_bytes=MAX_BYTES)
        self.root = compose_yaml(text, self._origin)
        self._refuse_duplicates()

    def fault(self, message: str, node: yaml.Node | None = None, *, hint: str | None = None) -> LiteEnvError:
        """The error to raise for a fault at `node`."""
        return self._error(message, hint=hint, file=str(self.file), line=line_of(node) if node else None)

    def entries(self, node: yaml.Node, what: str) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
        """The (key, key node, value node) of a mapping whose keys are strings."""
        if not isinstance(node, yaml.MappingNode):
            raise self.fault(f"{what} is {describe(node)} where a mapping is expected", node)
        for key, value in node.value:
            yield self.string(key, f"a key of {what}"), key, value

    def items(self, node: yaml.Node, what: str) -> list[yaml.Node]:
        """The nodes of a list."""
        if isinstance(node, yaml.SequenceNode):
            return list(node.value)
        hint = None
        if is_string(node):
            blank = " (with a blank behind the dash)" if node.value.startswith("-") else ""
            # What may be an address is not repeated: it may hold a password.
            item = "…" if any(sign in node.value for sign in "/@?#") else shown(node.value.lstrip("-"))
            hint = f"write it as a list: `- {item}`{blank}"
        raise self.fault(f"{what} is {describe(node)} where a list is expected", node, hint=hint)

    def string(self, node: yaml.Node, what: str) -> str:
        """The text of a scalar that YAML, too, takes for a string."""
        if is_string(node):
            return str(node.value)
        if isinstance(node, yaml.ScalarNode) and node.tag != _NULL:
            raise self.fault(
                f"{what}: YAML reads {node.value} as {describe(node)}, not as a string",
                node,
                hint=f'quote it: "{node.value}"',
            )
        hint = "write a text, or remove the line" if is_null(node) else "write one text"
        raise self.fault(f"{what} is {describe(node)} where a string is expected", node, hint=hint)

    def plain(self) -> Any:  # noqa: ANN401 - whatever YAML can hold
        """The document as plain Python values."""
        return plain_value(self.root, self._origin)

    def _refuse_duplicates(self) -> None:
        # Each node is visited once: anchors can make a small text into a huge or an endless tree.
        seen: set[int] = set()
        waiting = [self.root] if self.root else []
        while waiting:
            node = waiting.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            if isinstance(node, yaml.SequenceNode):
                waiting += node.value
            elif isinstance(node, yaml.MappingNode):
                self._refuse_duplicate_keys(node)
                waiting += [value for _, value in node.value]

    def _refuse_duplicate_keys(self, node: yaml.MappingNode) -> None:
        lines: dict[str, int] = {}
        for key, _ in node.value:
            text = str(key.value)
            if text in lines:
                raise self.fault(
                    f"`{text}` stands twice: in line {lines[text]} and in line {line_of(key)}",
                    key,
                    hint="YAML would silently take the last one; put both into one",
                )
            lines[text] = line_of(key)


def line_of(node: yaml.Node) -> int:
    """The line that a node starts in, counted from 1."""
    return int(node.start_mark.line) + 1


def is_string(node: yaml.Node) -> bool:
    """Whether YAML reads the node as a string."""
    return isinstance(node, yaml.ScalarNode) and node.tag == _STRING


def is_null(node: yaml.Node) -> bool:
    """Whether nothing stands there."""
    return isinstance(node, yaml.ScalarNode) and node.tag == _NULL


def describe(node: yaml.Node) -> str:
    """What YAML takes a node for, in a user's words."""
    return "a string" if is_string(node) else _READ_AS.get(node.tag, f"of the type {node.tag}")
