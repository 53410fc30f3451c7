"""Reading a table of the old recipe: each key is taken once, and what nobody takes is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_env.recipe.convert.tree import Items, Leaf, Table, leaves_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lite_env.recipe.convert.report import Report
    from lite_env.recipe.convert.tree import Value

_UNKNOWN = "correct the key, or remove it"


class Keys:
    """The keys of one table.

    Args:
        values: what stands for the section: one table, or several under conditions; anything else is refused.
        report: where it is refused.
        where: the section's key, for messages.
    """

    def __init__(self, values: list[Value], report: Report, where: str) -> None:
        self._report = report
        self._values: dict[str, list[Value]] = {}
        self._where = where
        for value in values:
            if isinstance(value, Table):
                for key, each in value.pairs:
                    self._values.setdefault(key, []).append(each)
            elif not isinstance(value, Leaf) or value.kind != "null":
                report.refuse(
                    value.line,
                    value.key,
                    found=_short(value),
                    why=f"`{where}` is no mapping",
                    hint="write keys and values, as conda-build's documentation has them",
                )

    def __bool__(self) -> bool:
        return bool(self._values)

    def has(self, key: str) -> bool:
        """Whether something stands for `key` that was not taken yet."""
        return any(not isinstance(value, Leaf) or value.kind != "null" for value in self._values.get(key, ()))

    def take(self, *names: str) -> list[Value]:
        """All values of a key, by any of its names; without those that are nothing."""
        found = [value for name in names for value in self._values.pop(name, ())]
        return [value for value in found if not isinstance(value, Leaf) or value.kind != "null"]

    def table(self, key: str) -> Keys:
        """The keys of a section in this one."""
        return Keys(self.take(key), self._report, f"{self._where}.{key}".lstrip("."))

    def hand(self, key: str, other: Keys) -> None:
        """Let a key of this table be one of another one."""
        if values := self._values.pop(key, []):
            other._values.setdefault(key, []).extend(values)

    def refuse(self, key: str, why: str, hint: str) -> None:
        """Take a key and refuse what it has."""
        for value in self._values.pop(key, ()):
            self._report.refuse(value.line, value.key, found=_short(value), why=why, hint=hint)

    def finish(self, known: Mapping[str, tuple[str, str]] | None = None) -> None:
        """Refuse what nobody took; `known` says why of keys that are known."""
        for key in list(self._values):
            why, hint = (known or {}).get(key, (f"`{key}` is not known in {self._where or 'a recipe'}", _UNKNOWN))
            self.refuse(key, why, hint)


def items_of(values: list[Value]) -> list[Value]:
    """What stands in lists, several of them one after the other; a text is a list of one."""
    items: list[Value] = []
    for value in values:
        items += value.items if isinstance(value, Items) else (value,)
    return [item for item in items if not isinstance(item, Leaf) or item.kind != "null"]


def _short(value: Value) -> str:
    if isinstance(value, Leaf):
        return value.text or "nothing"
    kind = "a list" if isinstance(value, Items) else "a mapping"
    first = next(iter(leaves_of(value)), None)
    return kind if first is None else f"{kind} that begins with {first.text or 'nothing'}"
