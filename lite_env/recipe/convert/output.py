"""The new recipe as values: what is written, and of which values of the old one each text came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lite_env.recipe.convert.tree import Leaf


@dataclass(frozen=True, kw_only=True, slots=True)
class OutText:
    """A text.

    Attributes:
        text: what it is.
        bare: whether it is a number or true or false, which is written without quotes.
        origins: the values that it came of.
        lines: the lines of the old file that it came of where that is no value: jinja's statements.
    """

    text: str
    bare: bool = False
    origins: tuple[Leaf, ...] = ()
    lines: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class OutList:
    """A list."""

    items: tuple[Out, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class OutTable:
    """Keys and values, in the order in which they are written."""

    pairs: tuple[tuple[str, Out], ...]

    def get(self, key: str) -> Out | None:
        """The value of `key`."""
        return dict(self.pairs).get(key)


Out = OutText | OutList | OutTable


def table(**values: Out | None) -> OutTable | None:
    """A table of what there is; None when that is nothing. A name that Python reserves ends in ``_``."""
    pairs = tuple((key.removesuffix("_"), value) for key, value in values.items() if value is not None)
    return OutTable(pairs=pairs) if pairs else None


def texts_of(out: Out | None) -> Iterator[OutText]:
    """All texts."""
    waiting = [out]
    while waiting:
        one = waiting.pop()
        if isinstance(one, OutText):
            yield one
        elif isinstance(one, OutList):
            waiting += one.items
        elif isinstance(one, OutTable):
            waiting += [value for _, value in one.pairs]
