"""Build scripts: commands in the recipe, files beside it, and the variables that they see."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lite_env.recipe.convert.expression import Attribute, Call, Choice, Name, Text, all_of
from lite_env.recipe.convert.expression_text import expression_text
from lite_env.recipe.convert.keys import items_of
from lite_env.recipe.convert.output import OutTable, OutText, table
from lite_env.recipe.convert.rewrite import UnwritableError
from lite_env.recipe.convert.template import as_expression
from lite_env.recipe.convert.tree import Items, Leaf, Table, with_text

if TYPE_CHECKING:
    from lite_env.recipe.convert.keys import Keys
    from lite_env.recipe.convert.make import Maker
    from lite_env.recipe.convert.output import Out
    from lite_env.recipe.convert.tree import Value

BUILD_SCRIPTS = frozenset({"build.sh", "bld.bat", "build.bat"})
"""What conda-build runs where the recipe has no commands; rattler-build has ``build.bat`` for ``bld.bat``."""


def make_script(keys: Keys, maker: Maker, *, scripts: frozenset[str]) -> Out | None:
    """``build.script``, with ``script_env``."""
    values = keys.take("script")
    variables = _variables(keys.take("script_env"), maker)
    content = _commands(values, maker)
    if variables is None:
        return content
    if content is None:
        if not scripts & BUILD_SCRIPTS:
            return table(content=OutText(text=""), env=variables)
        # Without an extension it is `build.sh` or `build.bat`.
        return table(file=OutText(text="build"), env=variables)
    return table(content=content, env=variables)


def script_file(values: list[Value], maker: Maker) -> OutTable | None:
    """The script of an output, which is a file."""
    return table(file=maker.scalar(values))


def _commands(values: list[Value], maker: Maker) -> Out | None:
    if len(values) == 1 and isinstance(values[0], Leaf) and not maker.open_conditions(values[0]):
        return _text(maker.text(values[0], "script"))
    return maker.listed(values, "script")


def _text(made: OutText | None) -> OutText | None:
    return None if made is None else replace(made, bare=False)


def _variables(values: list[Value], maker: Maker) -> OutTable | None:
    """``NAME`` and ``NAME=value`` in a list, or a mapping as boa has it."""
    leaves: dict[str, list[Leaf]] = {}
    pairs: list[tuple[str, Out]] = []
    for value in values:
        if isinstance(value, Table):
            for name, each in value.pairs:
                made = maker.scalar([each])
                pairs += [] if made is None else [(name, made)]
            continue
        for item in items_of([value]):
            if not isinstance(item, Leaf) or not item.parts or not isinstance(item.parts[0], str):
                maker.refuse(item, "this is no variable", "write `NAME` or `NAME=value`", found=_found(item))
                continue
            leaves.setdefault(item.parts[0].split("=")[0].strip(), []).append(item)
    for name, same in leaves.items():
        made = _variable(name, same, maker)
        pairs += [] if made is None else [(name, made)]
    return OutTable(pairs=tuple(pairs)) if pairs else None


def _variable(name: str, leaves: list[Leaf], maker: Maker) -> OutText | None:
    if not name.isidentifier():
        maker.refuse(leaves[0], "this is no name of a variable", "write `NAME` or `NAME=value`")
        return None
    if maker.too_many(leaves):
        return None
    outside = Call(Attribute(Name("env"), "get"), (Text(name),), (("default", Text("")),))
    if len(leaves) == 1 and not maker.open_conditions(leaves[0]):
        leaf = leaves[0]
        if "=" not in str(leaf.parts[0]):
            return OutText(text=f"${{{{ {expression_text(outside)} }}}}", origins=(leaf,))
        return _text(maker.text(_without_name(leaf)))
    whole = Text("")
    chosen = whole
    try:
        for leaf in reversed(leaves):
            has_value = "=" in str(leaf.parts[0])
            value = maker.rewriter().rewrite(as_expression(_without_name(leaf).parts)) if has_value else outside
            condition = all_of(*maker.open_conditions(leaf))
            chosen = value if condition is None else Choice(value, condition, chosen)  # type: ignore[assignment]
    except UnwritableError as error:
        maker.refuse(leaves[0], error.why, error.hint, found=error.found)
        return None
    return OutText(text=f"${{{{ {expression_text(chosen)} }}}}", origins=tuple(leaves))


def _without_name(leaf: Leaf) -> Leaf:
    first = str(leaf.parts[0]).split("=", 1)[1]
    if len(leaf.parts) == 1:
        return with_text(leaf, first)
    return replace(leaf, parts=(*((first,) if first else ()), *leaf.parts[1:]))


def _found(value: Value) -> str:
    return value.text if isinstance(value, Leaf) else "a list" if isinstance(value, Items) else "a mapping"
