"""``conda_build_config.yaml`` becomes ``variants.yaml``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_env.recipe.convert.about import free_value
from lite_env.recipe.convert.keys import Keys, items_of
from lite_env.recipe.convert.make import Maker
from lite_env.recipe.convert.output import OutList, OutTable, OutText
from lite_env.recipe.convert.scan import scan_lines
from lite_env.recipe.convert.tree import Items, Leaf, Table
from lite_env.recipe.convert.tree_reader import read_tree
from lite_env.recipe.convert.writer import write_plain

if TYPE_CHECKING:
    from lite_env.recipe.convert.output import Out
    from lite_env.recipe.convert.report import Report
    from lite_env.recipe.convert.tree import Value

_REFUSED = {
    "extend_keys": "rattler-build reads no keys that join others",
    "ignore_version": "rattler-build ignores no versions of a variant",
    "ignore_build_only_deps": "rattler-build has no such list",
    "bootstrap": "rattler-build has no such key",
}
_WORDS = {"true": "true", "True": "true", "false": "false", "False": "false"}


def convert_variants(text: str, report: Report) -> str:
    """The text of ``variants.yaml``; what cannot be converted is refused in `report`.

    Raises:
        RecipeError: it is not YAML.
    """
    scanned = scan_lines(text, report)
    for setting in scanned.settings:
        report.refuse(setting.line, "", found=setting.name, why="variants know no jinja", hint="write the value itself")
    read = read_tree(scanned, report)
    maker = Maker(report=report)
    pairs: list[tuple[str, Out]] = []
    root = read.root
    if root is not None and not isinstance(root, Table):
        Keys([root], report, "variants")
    values: dict[str, list[Value]] = {}
    for key, value in root.pairs if isinstance(root, Table) else ():
        values.setdefault(key, []).append(value)
    for key, same in values.items():
        made = _made(key, same, maker)
        pairs += [] if made is None else [(key, made)]
    return write_plain(OutTable(pairs=tuple(pairs)), read.rest)


def _made(key: str, values: list[Value], maker: Maker) -> Out | None:
    if key in _REFUSED:
        for value in values:
            maker.refuse(value, _REFUSED[key], "remove it, and write out what it does", found=key)
        return None
    if key == "pin_run_as_build":
        return free_value(values[0], maker)
    if key == "zip_keys":
        return _zipped(values, maker)

    def make(inner: Maker, item: Value) -> Out | None:
        if not isinstance(item, Leaf):
            inner.refuse(item, "a variant is one text", "write a list of texts", found="a list or a mapping")
            return None
        text = item.plain
        if text is None:
            inner.refuse(item, "variants know no jinja", "write the value itself")
            return None
        return OutText(text=_WORDS.get(text, text), bare=text in _WORDS, origins=(item,))

    return maker.listed(values, make=make)


def _zipped(values: list[Value], maker: Maker) -> Out | None:
    """Groups of keys; conda-build takes a single group without a list around it too."""
    items = items_of(values)
    if items and all(isinstance(item, Leaf) for item in items):
        one = maker.listed(values)
        return None if one is None else OutList(items=(one,))

    def make(inner: Maker, item: Value) -> Out | None:
        if not isinstance(item, Items):
            inner.refuse(item, "a group of `zip_keys` is a list of keys", "write `- [python, numpy]`", found="no list")
            return None
        return inner.listed([item])

    return maker.listed(values, make=make)
