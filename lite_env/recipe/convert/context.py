"""What a recipe sets becomes ``context``: each name once, with the choices that its conditions made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_env.recipe.convert.expression import (
    Binary,
    Choice,
    Expression,
    Name,
    Number,
    Sequence,
    Text,
    names_in,
    negated,
    parts_of,
)
from lite_env.recipe.convert.expression_text import expression_text
from lite_env.recipe.convert.output import OutList, OutTable, OutText
from lite_env.recipe.convert.rewrite import Rewriter, UnwritableError

if TYPE_CHECKING:
    from lite_env.recipe.convert.output import Out
    from lite_env.recipe.convert.report import Report
    from lite_env.recipe.convert.statement import Setting

MAX_TIMES = 40
"""Times that one name is set."""
MAX_TEXT = 3_000
"""Characters of what one name comes to."""


def make_context(settings: tuple[Setting, ...], uses: dict[str, list[int]], report: Report) -> OutTable | None:
    """``context``, in the order in which names are set first.

    Args:
        settings: what is set, in order.
        uses: the lines in which each name is used elsewhere.
        report: what cannot be set is refused there.
    """
    names = frozenset(setting.name for setting in settings)
    by_name: dict[str, list[Setting]] = {}
    for setting in settings:
        by_name.setdefault(setting.name, []).append(setting)
    pairs: list[tuple[str, Out]] = []
    rewriter = Rewriter(context=names)
    for name, same in _in_order(by_name):
        try:
            if len(same) > MAX_TIMES:
                raise UnwritableError(f"`{name}` is set more than {MAX_TIMES} times", "set it once", found=name)  # noqa: TRY301
            _refuse_use_between(name, same, settings, uses)
            value = _joined([(_rewritten(each, rewriter), each.condition) for each in same], name)
            out = _written(value, tuple(each.line for each in same))
        except UnwritableError as error:
            last = same[-1]
            report.refuse(last.line, f"context.{name}", found=error.found or name, why=error.why, hint=error.hint)
            continue
        pairs.append((name, out))
    return OutTable(pairs=tuple(pairs)) if pairs else None


def _in_order(by_name: dict[str, list[Setting]]) -> list[tuple[str, list[Setting]]]:
    """Names after those that they are made of: by where they are set last."""
    return sorted(by_name.items(), key=lambda each: each[1][-1].line)


def _rewritten(setting: Setting, rewriter: Rewriter) -> Expression:
    return rewriter.rewrite(setting.value)


def _refuse_use_between(
    name: str, same: list[Setting], settings: tuple[Setting, ...], uses: dict[str, list[int]]
) -> None:
    first, last = same[0].line, same[-1].line
    if first == last:
        return
    lines = [
        *uses.get(name, ()),
        *(each.line for each in settings if each.name != name and name in names_in(each.value)),
    ]
    between = sorted(line for line in lines if line < last)
    if between:
        raise UnwritableError(
            f"`{name}` is set again here, after line {between[0]} used it",
            "give the later value another name",
            found=name,
        )


def _joined(values: list[tuple[Expression, Expression | None]], name: str) -> Expression:
    """What a name comes to after it was set several times, some of them under conditions."""
    whole: Expression | None = None
    for value, condition in values:
        whole = _next(whole, value, condition, name)
        if len(expression_text(whole)) > MAX_TEXT:
            raise UnwritableError("it comes to too long an expression", "write the value itself", found=name)
    return whole or Text("")


def _next(before: Expression | None, value: Expression, condition: Expression | None, name: str) -> Expression:
    if name not in names_in(value):
        if condition is None:
            return value
        if isinstance(before, Choice) and before.no == Text("") and condition == negated(before.condition):
            return Choice(before.yes, before.condition, value)
        return Choice(value, condition, Text("") if before is None else before)
    if before is None:
        raise UnwritableError(f"`{name}` is made of itself, and was not set before", "set it first", found=name)
    added = _added(value, name)
    if condition is not None and isinstance(value, Binary) and added is not None:
        # Only what is added depends on the condition.
        nothing: Expression = Number("0") if value.sign == "+" else Text("")
        return Binary(value.sign, before, Choice(added, condition, nothing))
    whole = _put(value, name, before)
    return whole if condition is None else Choice(whole, condition, before)


def _added(value: Expression, name: str) -> Expression | None:
    """What ``name + x`` and ``name ~ x`` add to a name."""
    if isinstance(value, Binary) and value.sign in ("+", "~") and value.left == Name(name):
        return None if name in names_in(value.right) else value.right
    return None


def _put(node: Expression, name: str, value: Expression) -> Expression:
    """An expression with another one in place of a name."""
    if node == Name(name):
        return value
    if isinstance(node, Binary):
        return Binary(node.sign, _put(node.left, name, value), _put(node.right, name, value))
    if any(name in names_in(part) for part in parts_of(node)):
        raise UnwritableError(f"`{name}` is made of itself here", "give the later value another name", found=name)
    return node


def _written(value: Expression, lines: tuple[int, ...]) -> Out:
    match value:
        case Text(text):
            return OutText(text=text, lines=lines)
        case Number(text):
            number = text if text.isdecimal() else str(float(text))
            return OutText(text=number, bare=text.isdecimal(), lines=lines)
        case Name("true" | "false" as text):
            return OutText(text=text, bare=True, lines=lines)
        case Sequence(items) if items and all(isinstance(item, Text | Number) for item in items):
            return OutList(items=tuple(_written(item, lines) for item in items))
        case _:
            return OutText(text=f"${{{{ {expression_text(value)} }}}}", lines=lines)
