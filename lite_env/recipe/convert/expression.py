"""Expressions of jinja and of line selectors as values; they are read and written, and never evaluated."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """A text in quotes."""

    value: str


@dataclass(frozen=True, slots=True)
class Number:
    """A number, as it was written."""

    value: str


@dataclass(frozen=True, slots=True)
class Name:
    """A variable, or ``true``, ``false`` and ``none``."""

    name: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list, or a tuple."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Unary:
    """``not x``, ``-x``."""

    sign: str
    value: Expression


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands: arithmetic, comparisons, ``in``, ``not in``, ``and``, ``or``."""

    sign: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Choice:
    """``yes if condition else no``."""

    yes: Expression
    condition: Expression
    no: Expression | None


@dataclass(frozen=True, slots=True)
class Attribute:
    """``value.name``."""

    value: Expression
    name: str


@dataclass(frozen=True, slots=True)
class Item:
    """``value[key]``."""

    value: Expression
    key: Expression


@dataclass(frozen=True, slots=True)
class Slice:
    """``value[start:stop]``."""

    value: Expression
    start: Expression | None
    stop: Expression | None


@dataclass(frozen=True, slots=True)
class Call:
    """``target(arguments, name=value)``."""

    target: Expression
    arguments: tuple[Expression, ...]
    named: tuple[tuple[str, Expression], ...] = ()


@dataclass(frozen=True, slots=True)
class Filter:
    """``value | name(arguments)``."""

    value: Expression
    name: str
    arguments: tuple[Expression, ...] = ()
    named: tuple[tuple[str, Expression], ...] = ()


@dataclass(frozen=True, slots=True)
class Test:
    """``value is name(arguments)``."""

    value: Expression
    name: str
    arguments: tuple[Expression, ...] = ()


Expression = Text | Number | Name | Sequence | Unary | Binary | Choice | Attribute | Item | Slice | Call | Filter | Test


def all_of(*conditions: Expression | None) -> Expression | None:
    """The conditions joined by ``and``; None where there is none."""
    whole: Expression | None = None
    for condition in conditions:
        if condition is not None:
            whole = condition if whole is None else Binary("and", whole, condition)
    return whole


def conjuncts(condition: Expression) -> tuple[Expression, ...]:
    """The conditions that one joins by ``and``."""
    if isinstance(condition, Binary) and condition.sign == "and":
        return (*conjuncts(condition.left), *conjuncts(condition.right))
    return (condition,)


def negated(condition: Expression) -> Expression:
    """The opposite of a condition."""
    twice = isinstance(condition, Unary) and condition.sign == "not"
    return condition.value if isinstance(condition, Unary) and twice else Unary("not", condition)


def names_in(expression: Expression) -> frozenset[str]:
    """The variables that an expression mentions."""
    if isinstance(expression, Name):
        return frozenset({expression.name})
    return frozenset[str]().union(*(names_in(part) for part in parts_of(expression)))


def parts_of(expression: Expression) -> tuple[Expression, ...]:  # noqa: PLR0911 - one arm a kind
    """What an expression is directly made of."""
    match expression:
        case Text() | Number() | Name():
            return ()
        case Sequence(items):
            return items
        case Unary(_, value) | Attribute(value, _):
            return (value,)
        case Binary(_, left, right) | Item(left, right):
            return (left, right)
        case Choice(yes, condition, no):
            return (yes, condition) if no is None else (yes, condition, no)
        case Slice(value, start, stop):
            return (value, *(each for each in (start, stop) if each is not None))
        case Call(target, arguments, named):
            return (target, *arguments, *(each for _, each in named))
        case Filter(value, _, arguments, named):
            return (value, *arguments, *(each for _, each in named))
        case Test(value, _, arguments):
            return (value, *arguments)
