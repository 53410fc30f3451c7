"""The old recipe as values: each with its place, the condition under which it is there, and its comments."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lite_env.recipe.convert.template import literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lite_env.recipe.convert.expression import Expression
    from lite_env.recipe.convert.scan import Comment
    from lite_env.recipe.convert.template import Parts

Conditions = tuple["Expression", ...]
"""All of them must hold; none means always."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Leaf:
    """A text, a number, true or false, or nothing.

    Attributes:
        number: which one it is of its file, from 0: what is made of it keeps it.
        line: counted from 1.
        key: such as ``build.script[2]``.
        parts: its text, with the expressions in it.
        kind: what YAML takes it for: ``str``, ``int``, ``float``, ``bool``, ``null``, ``timestamp``.
        folded: whether it is a text of several lines (``|``, ``>``).
        conditions: when it is there.
        before: comments on the lines above it.
        behind: a comment on its line.
    """

    number: int
    line: int
    key: str
    parts: Parts
    kind: str = "str"
    folded: bool = False
    conditions: Conditions = ()
    before: tuple[Comment, ...] = ()
    behind: Comment | None = None

    @property
    def text(self) -> str:
        """The text, with ``{{…}}`` for its expressions."""
        return "".join(part if isinstance(part, str) else "{{…}}" for part in self.parts)

    @property
    def plain(self) -> str | None:
        """The text, if it holds no expression."""
        return literal(self.parts)


def with_text(leaf: Leaf, text: str, *, kind: str = "str") -> Leaf:
    """A leaf with another text; it still counts as the one that it was."""
    return replace(leaf, parts=(text,) if text else (), kind=kind)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Items:
    """A list."""

    line: int
    key: str
    items: tuple[Value, ...]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Table:
    """Keys and values; a key may stand several times, under several conditions."""

    line: int
    key: str
    pairs: tuple[tuple[str, Value], ...]


Value = Leaf | Items | Table


def leaves_of(value: Value) -> Iterator[Leaf]:
    """All leaves, in the order of the text; aliases may lead to one several times."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Leaf):
            yield one
        elif isinstance(one, Items):
            waiting += reversed(one.items)
        else:
            waiting += [each for _, each in reversed(one.pairs)]


def shared_conditions(value: Value) -> Conditions:
    """The conditions that all leaves have: when they do not hold, nothing of it is there."""
    shared: Conditions | None = None
    for leaf in leaves_of(value):
        if leaf.kind == "null" and not leaf.conditions:
            continue
        shared = leaf.conditions if shared is None else tuple(each for each in shared if each in leaf.conditions)
    return shared or ()
