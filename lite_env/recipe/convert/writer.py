"""Writes a new recipe as YAML: quotes where a text would be read as something else, and comments where they were."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import yaml

from lite_env.recipe.convert.output import OutList, OutTable, OutText, texts_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lite_env.recipe.convert.output import Out
    from lite_env.recipe.convert.scan import Comment

SCHEMA = "https://raw.githubusercontent.com/prefix-dev/recipe-format/main/schema.json"
"""The schema of such recipes, as rattler-build's documentation names it."""

_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none", "~"})
_PLAIN = re.compile(r"[A-Za-z0-9_./$<(~+=\\^;\u0080-\ud7ff\uf900-\uffee].*\Z")
_NUMBER = re.compile(r"[-+.]?\d[\d_.,:eExXoO+-]*\Z")
_RESOLVER = yaml.SafeLoader("")
_KEY = re.compile(r"[A-Za-z_][\w-]*\Z")


def write_recipe(recipe: OutTable, of_settings: dict[int, tuple[Comment, ...]], rest: tuple[Comment, ...]) -> str:
    """The text of ``recipe.yaml``.

    Args:
        recipe: what to write.
        of_settings: comments of what was set, by its line.
        rest: comments that stood at nothing: they go to the end.
    """
    writer = _Writer(of_settings)
    head = [f"# yaml-language-server: $schema={SCHEMA}"]
    return "\n".join([*head, *writer.document(recipe), *writer.ending(recipe, rest)]) + "\n"


def write_plain(document: OutTable, rest: tuple[Comment, ...]) -> str:
    """The text of ``variants.yaml``."""
    writer = _Writer({})
    return "\n".join([*writer.document(document), *writer.ending(document, rest)]) + "\n"


class _Writer:
    def __init__(self, of_settings: dict[int, tuple[Comment, ...]]) -> None:
        self._of_settings = of_settings
        self._written: set[Comment] = set()

    def document(self, recipe: OutTable) -> list[str]:
        lines: list[str] = []
        for key, value in recipe.pairs:
            section = [*self._comments(value, top=True), *self._pair(key, value, 0)]
            if lines and not (isinstance(value, OutText) or len(section) == 1):
                lines.append("")
            lines += section
        return lines

    def ending(self, recipe: OutTable, rest: tuple[Comment, ...]) -> list[str]:
        """Comments that found no place: of what was not written, and those at the end."""
        left = [each for each in self._all(texts_of(recipe)) if each not in self._written]
        comments = sorted({*left, *(each for each in rest if each not in self._written)}, key=lambda each: each.line)
        return ["", *(each.text for each in comments)] if comments else []

    def _pair(self, key: str, value: Out, indent: int) -> list[str]:
        blanks = " " * indent
        name = key if _KEY.match(key) else _quoted(key)
        if isinstance(value, OutText):
            return self._text(f"{blanks}{name}: ", value, indent)
        if isinstance(value, OutList):
            if not value.items:
                return [f"{blanks}{name}: []"]
            return [f"{blanks}{name}:", *(line for item in value.items for line in self._item(item, indent + 2))]
        if not value.pairs:
            return [f"{blanks}{name}: {{}}"]
        return [f"{blanks}{name}:", *self._table(value, indent + 2)]

    def _table(self, value: OutTable, indent: int) -> list[str]:
        lines: list[str] = []
        for key, each in value.pairs:
            lines += [f"{' ' * indent}{text}" for text in self._comments(each, top=False)]
            lines += self._pair(key, each, indent)
        return lines

    def _item(self, item: Out, indent: int) -> list[str]:
        blanks = " " * indent
        comments = [f"{blanks}{text}" for text in self._comments(item, top=False)]
        if isinstance(item, OutText):
            return [*comments, *self._text(f"{blanks}- ", item, indent)]
        if isinstance(item, OutTable) and item.pairs:
            comments += [f"{blanks}{text}" for text in self._comments(item.pairs[0][1], top=False)]
            lines = self._table(item, indent + 2)
        elif isinstance(item, OutList) and item.items:
            lines = [line for each in item.items for line in self._item(each, indent + 2)]
        else:
            return [*comments, f"{blanks}- {'{}' if isinstance(item, OutTable) else '[]'}"]
        return [*comments, f"{blanks}- {lines[0][indent + 2 :]}", *lines[1:]]

    def _text(self, start: str, value: OutText, indent: int) -> list[str]:
        behind = [each for each in self._all([value]) if each.behind and each not in self._written]
        self._written.update(behind)
        tail = "".join(f"  {each.text}" for each in behind)
        if "\n" in value.text and (block := _block(value.text, indent + 2)) is not None:
            above = [f"{' ' * indent}{each.text}" for each in behind]
            return [*above, f"{start}{block[0]}", *block[1:]]
        return [f"{start}{value.text if value.bare else _quoted(value.text)}{tail}"]

    def _comments(self, value: Out, *, top: bool) -> list[str]:
        """The comments that stand above a value: those of the text that it begins with, if they belong to it.

        At the top of the document those do that begin at the line's start; below, those of a text itself.
        """
        conditional = isinstance(value, OutTable) and value.pairs[:1] and value.pairs[0][0] == "if"
        first = _first(value)
        if first is None or not (top or conditional or isinstance(value, OutText)):
            return []
        found = [each for each in self._all([first]) if not each.behind and each not in self._written]
        if top and not isinstance(value, OutText):
            found = [each for each in found if each.column == 0]
        self._written.update(found)
        return [each.text for each in found]

    def _all(self, texts: Iterable[OutText]) -> list[Comment]:
        found: list[Comment] = []
        for text in texts:
            for leaf in text.origins:
                found += [*leaf.before, *(() if leaf.behind is None else (leaf.behind,))]
            for line in text.lines:
                found += self._of_settings.get(line, ())
        return found


def _first(value: Out) -> OutText | None:
    """The text that a value begins with: the first that came of the old recipe."""
    while not isinstance(value, OutText):
        inner = value.items if isinstance(value, OutList) else [each for _, each in value.pairs]
        if not inner:
            return None
        named = isinstance(value, OutTable) and value.pairs[0][0] == "if" and len(inner) > 1
        value = inner[1] if named else inner[0]
    return value


def _block(text: str, indent: int) -> list[str] | None:
    """A text of several lines as a block; None if it would not come back as it is."""
    body = text.rstrip("\n")
    if not body or body != body.strip() or any(line != line.rstrip() for line in body.split("\n")):
        return None
    if not all(char.isprintable() or char == "\n" for char in text):
        return None
    ends = len(text) - len(body)
    sign = "|" if ends == 1 else "|-" if ends == 0 else "|+"
    blanks = " " * indent
    lines = [f"{blanks}{line}" if line else "" for line in body.split("\n")]
    return [sign, *lines, *([""] * (ends - 1))]


def _quoted(text: str) -> str:
    """A text of one line, in quotes unless every reader of YAML takes it for a text without."""
    if _is_plain(text):
        return text
    if text.isprintable() and "\\" not in text and '"' not in text:
        return f'"{text}"'
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return json.dumps(text, ensure_ascii=not all(char.isprintable() or char in "\n\t" for char in text))


def _is_plain(text: str) -> bool:
    if not _PLAIN.match(text) or not text.isprintable() or text != text.strip():
        return False
    if ": " in text or " #" in text or text.endswith(":") or text.lower() in _WORDS or _NUMBER.match(text):
        return False
    tag: str = _RESOLVER.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    return tag == "tag:yaml.org,2002:str"
