"""Reading YAML strictly: every value has a type, every error has a line, and nothing is skipped.

YAML 1.1 turns an unquoted ``3.10`` into a number and ``no`` into False. Here a value that was meant as text and
is not text is an error that says to quote it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import yaml

from lite_env.errors import ChannelError
from lite_env.spec.document import Document, describe, is_string, line_of

if TYPE_CHECKING:
    from pathlib import Path

_INTEGER = "tag:yaml.org,2002:int"
_TIMESTAMP = "tag:yaml.org,2002:timestamp"


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a value stands: file, line counted from 1, and key such as ``packages[3].name``."""

    file: Path
    line: int
    key: str

    def fail(
        self, message: str, *, expected: str | None = None, found: str | None = None, hint: str | None = None
    ) -> NoReturn:
        """Raise the error for this place."""
        raise ChannelError(
            message,
            hint=hint,
            file=str(self.file),
            line=self.line,
            key=self.key or None,
            found=found,
            expected=expected,
        )


class Value:
    """One scalar."""

    def __init__(self, node: yaml.Node, place: Place) -> None:
        self._node = node
        self.place = place

    def text(self) -> str:
        """The value as text; anything else that YAML makes of it is an error."""
        if not is_string(self._node):
            hint = f'quote it: "{self._node.value}"' if isinstance(self._node, yaml.ScalarNode) else None
            self.place.fail("this must be text", expected="text", found=self._kind(), hint=hint)
        return str(self._node.value)

    def integer(self) -> int:
        """The value as an integer that is not negative."""
        if self._node.tag != _INTEGER or not str(self._node.value).isdecimal():
            self.place.fail("this must be a whole number", expected="an integer, 0 or more", found=self._kind())
        return int(self._node.value)

    def date(self) -> str:
        """The value as it was written, quoted or not, for the caller to parse as a date."""
        return str(self._node.value) if self._node.tag == _TIMESTAMP else self.text()

    def mapping(self) -> Mapping:
        """The value as a mapping."""
        if not isinstance(self._node, yaml.MappingNode):
            self.place.fail("this must be a mapping", expected="keys and values", found=self._kind())
        return Mapping(self._node, self.place)

    def is_text(self) -> bool:
        """Whether it is text, where text and a mapping are both allowed."""
        return is_string(self._node)

    def items(self) -> list[Value]:
        """The value as a list."""
        if not isinstance(self._node, yaml.SequenceNode):
            self.place.fail("this must be a list", expected="a list", found=self._kind())
        file, key = self.place.file, self.place.key
        return [
            Value(item, Place(file=file, line=line_of(item), key=f"{key}[{position}]"))
            for position, item in enumerate(self._node.value)
        ]

    def _kind(self) -> str:
        kind = describe(self._node)
        return f"{kind}: {self._node.value}" if isinstance(self._node, yaml.ScalarNode) else kind


class Mapping:
    """Keys and values; `finish` refuses what nobody took."""

    def __init__(self, node: yaml.MappingNode, place: Place) -> None:
        self.place = place
        self._values: dict[str, Value] = {}
        self._taken: set[str] = set()
        for key_node, value_node in node.value:
            line = line_of(key_node)
            key = Value(key_node, Place(file=place.file, line=line, key=place.key)).text()
            value_place = Place(file=place.file, line=line, key=f"{place.key}.{key}" if place.key else key)
            self._values[key] = Value(value_node, value_place)

    def find(self, key: str) -> Value | None:
        """The value of `key`, or None."""
        self._taken.add(key)
        return self._values.get(key)

    def need(self, key: str) -> Value:
        """The value of `key`, which must be there."""
        value = self.find(key)
        if value is None:
            self.place.fail(f"the key `{key}` is missing", expected=key, found=", ".join(self._values) or "nothing")
        return value

    def text(self, key: str) -> str:
        """The text of `key`, which must be there and not be empty."""
        value = self.need(key)
        text = value.text()
        if not text.strip():
            value.place.fail("this must not be empty", expected="text", found="nothing")
        return text

    def texts(self, key: str) -> list[Value]:
        """The list of `key`; empty when the key is not there."""
        value = self.find(key)
        return value.items() if value else []

    def all(self) -> list[tuple[str, Value]]:
        """Everything, for mappings whose keys are names."""
        self._taken.update(self._values)
        return list(self._values.items())

    def finish(self) -> None:
        """Refuse the first key that was not taken."""
        for key, value in self._values.items():
            if key not in self._taken:
                value.place.fail(
                    f"the key `{key}` is not known here", found=key, expected="one of " + ", ".join(sorted(self._taken))
                )


def parse_mapping(text: str, file: Path) -> Mapping:
    """Read one YAML document that is a mapping.

    Raises:
        ChannelError: it is not YAML, not a mapping, or has a key twice.
    """
    root = Document(text, file=file, error=ChannelError).root
    place = Place(file=file, line=1, key="")
    if root is None:
        place.fail("the file is empty", expected="keys and values", found="nothing")
    return Value(root, place).mapping()
