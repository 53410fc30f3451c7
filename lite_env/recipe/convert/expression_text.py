"""Expressions as the text that rattler-build reads: minijinja, with texts in double quotes."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from lite_env.recipe.convert.expression import (
    Attribute,
    Binary,
    Call,
    Choice,
    Filter,
    Item,
    Name,
    Number,
    Sequence,
    Slice,
    Test,
    Text,
    Unary,
)

if TYPE_CHECKING:
    from lite_env.recipe.convert.expression import Expression

_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"})
_LOGIC = ("and", "or")
_LOOSE = (Choice, Binary, Unary)


def expression_text(node: Expression) -> str:  # noqa: C901, PLR0911, PLR0912 - one arm a kind
    """The expression in minijinja's syntax."""
    match node:
        case Text(value):
            return f'"{value.translate(_ESCAPES)}"'
        case Number(value) | Name(value):
            return value
        case Sequence(items):
            return f"[{', '.join(expression_text(item) for item in items)}]"
        case Unary("not", value):
            return f"not {_tight(value, Binary, Choice, Test)}"
        case Unary(sign, value):
            return f"{sign}{_tight(value, *_LOOSE)}"
        case Binary():
            return _binary_text(node)
        case Choice(yes, condition, no):
            text = f"{_tight(yes, Choice)} if {_tight(condition, Choice)}"
            return text if no is None else f"{text} else {expression_text(no)}"
        case Attribute(value, name):
            return f"{_tight(value, *_LOOSE, Filter, Test)}.{name}"
        case Item(value, key):
            return f"{_tight(value, *_LOOSE, Filter, Test)}[{expression_text(key)}]"
        case Slice(value, start, stop):
            ends = ":".join("" if end is None else expression_text(end) for end in (start, stop))
            return f"{_tight(value, *_LOOSE, Filter, Test)}[{ends}]"
        case Call(target, arguments, named):
            return f"{expression_text(target)}({_arguments_text(arguments, named)})"
        case Filter(value, name, arguments, named):
            called = f"({_arguments_text(arguments, named)})" if arguments or named else ""
            return f"{_tight(value, *_LOOSE, Test)} | {name}{called}"
        case Test(value, name, arguments):
            called = f"({_arguments_text(arguments, ())})" if arguments else ""
            return f"{_tight(value, *_LOOSE, Filter)} is {name}{called}"
        case _:
            assert_never(node)


def _binary_text(node: Binary) -> str:
    left, right = (_operand(part, node.sign, last=last) for part, last in ((node.left, False), (node.right, True)))
    return f"{left} {node.sign} {right}"


def _operand(part: Expression, sign: str, *, last: bool) -> str:
    """An operand, in parentheses unless it is read the same without them."""
    if sign in _LOGIC:
        if isinstance(part, Choice) or (isinstance(part, Binary) and part.sign in _LOGIC and part.sign != sign):
            return f"({expression_text(part)})"
        return expression_text(part)
    same = isinstance(part, Binary) and part.sign == sign and sign in ("+", "~") and not last
    loose = isinstance(part, Choice | Binary | Test | Filter) or (isinstance(part, Unary) and part.sign == "not")
    return f"({expression_text(part)})" if loose and not same else expression_text(part)


def _tight(part: Expression, *loose: type) -> str:
    text = expression_text(part)
    return f"({text})" if isinstance(part, loose) else text


def _arguments_text(arguments: tuple[Expression, ...], named: tuple[tuple[str, Expression], ...]) -> str:
    return ", ".join(
        [*(expression_text(each) for each in arguments), *(f"{name}={expression_text(each)}" for name, each in named)]
    )
