"""Jinja's statements in a ``meta.yaml``: what they set, and on what they make lines depend."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lite_env.recipe.convert.expression import Binary, Call, Filter, Item, Name, Test, Unary, all_of, negated
from lite_env.recipe.convert.expression_reader import ExpressionError, parse_expression
from lite_env.recipe.convert.rewrite import Rewriter, UnwritableError

if TYPE_CHECKING:
    from lite_env.recipe.convert.expression import Expression
    from lite_env.recipe.convert.report import Report

_SET = re.compile(r"set\s+(?P<name>[A-Za-z_]\w*)\s*=(?P<value>.*)\Z", re.DOTALL)
_SETS = re.compile(r"\{%[-+]?\s*set\s+([A-Za-z_]\w*)\s*=")
_HINTS = {
    "for": "write out what the loop makes, line by line",
    "macro": "write out what the macro makes",
    "set": "set one name to one expression: `{% set NAME = … %}`",
    "raw": "write the text without it",
}
MAX_SETTINGS = 500
"""Names that one recipe sets, each time counted."""
MAX_NAME = 200
"""Characters of a name."""
MAX_BRANCHES = 20
"""Conditions in one another, and cases of one."""

_CONDITIONS = (Name, Unary, Binary, Test, Call, Filter, Item)
_ARITHMETIC = ("+", "-", "*", "/", "//", "%", "**", "~")


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """``{% set name = value %}``, under conditions that are rattler-build's already.

    Attributes:
        value: as it was read, for conda-build.
    """

    line: int
    name: str
    value: Expression
    condition: Expression | None


@dataclass(kw_only=True, slots=True)
class _Branch:
    """An ``{% if %}`` that is open: what must hold here, and what its earlier branches asked for."""

    line: int
    here: Expression | None
    earlier: list[Expression]
    last: bool = False


class Statements:
    """The statements of one file, one after the other.

    Args:
        text: the whole file, for the names that it sets.
        report: what cannot be converted is refused there.
    """

    def __init__(self, text: str, report: Report) -> None:
        self._report = report
        self._names = frozenset(_SETS.findall(text))
        self._settings: list[Setting] = []
        self._open: list[_Branch] = []

    @property
    def settings(self) -> tuple[Setting, ...]:
        """What was set, in order."""
        return tuple(self._settings)

    def conditions(self) -> tuple[Expression, ...]:
        """What must hold where the last statement was."""
        return tuple(branch.here for branch in self._open if branch.here is not None)

    def selector(self, line: int, text: str) -> Expression | None:
        """The condition of ``# [text]``; conda-build decides them before jinja, so they see nothing of it."""
        return self._condition(line, text, frozenset(), what="selector")

    def take(self, end: int, statement: tuple[int, str], selector: Expression | None, *, alone: bool) -> None:
        """Take one statement, which ends in the line `end`."""
        line, source = statement
        text = source.strip("-+ \t\n")
        word = text.split(maxsplit=1)[0] if text else ""
        if not alone and word != "set":
            self._refuse(line, text, "a statement stands among other text", "put it on a line of its own")
        elif word == "set" and (found := _SET.match(text)):
            self._set(line, found["name"], found["value"], selector)
        elif word in ("if", "elif", "else", "endif"):
            if selector is not None:
                self._refuse(end, text, "a selector stands behind a statement of jinja", "put it into the condition")
            self._branch(line, word, text.removeprefix(word))
        else:
            hint = _HINTS.get(word, "write out what it makes, line by line")
            self._refuse(line, text, f"jinja's `{word or '{%'}` cannot be converted", hint)

    def finish(self) -> None:
        """Refuse what was not closed."""
        for branch in self._open:
            self._refuse(branch.line, "if", "an `{% if %}` is not closed", "close it by `{% endif %}`")

    def _set(self, line: int, name: str, value: str, selector: Expression | None) -> None:
        try:
            parsed = parse_expression(value)
        except ExpressionError as error:
            self._refuse(line, value.strip(), f"`{name}` is set to what is no known expression: {error}", _HINTS["set"])
            return
        if len(self._settings) == MAX_SETTINGS or len(name) > MAX_NAME:
            why = f"the recipe sets more than {MAX_SETTINGS} names, or one of more than {MAX_NAME} characters"
            self._refuse(line, name, why, "write the values where they belong")
            return
        condition = all_of(*self.conditions(), selector)
        self._settings.append(Setting(line=line, name=name, value=parsed, condition=condition))

    def _branch(self, line: int, word: str, text: str) -> None:
        if (
            word in ("if", "elif")
            and max(len(self._open), *(len(each.earlier) for each in self._open[-1:]), 0) > MAX_BRANCHES
        ):
            self._refuse(line, word, f"there are more than {MAX_BRANCHES} conditions in one another", "write fewer")
            return
        if word == "if":
            condition = self._condition(line, text, self._names, what="condition")
            earlier = [] if condition is None else [condition]
            self._open.append(_Branch(line=line, here=condition, earlier=earlier))
            return
        if not self._open or (self._open[-1].last and word != "endif"):
            self._refuse(line, word, f"`{word}` stands where no `{{% if %}}` is open", "remove it")
            return
        branch = self._open[-1]
        if word == "endif":
            self._open.pop()
            return
        others = [negated(each) for each in branch.earlier]
        if word == "else":
            branch.last = True
            branch.here = others[0] if len(others) == 1 else all_of(*others)
            return
        condition = self._condition(line, text, self._names, what="condition")
        branch.here = all_of(*others, condition)
        if condition is not None:
            branch.earlier.append(condition)

    def _condition(self, line: int, text: str, context: frozenset[str], *, what: str) -> Expression | None:
        try:
            return Rewriter(context=context, condition=True).rewrite(_parsed_condition(text))
        except ExpressionError as error:
            self._refuse(
                line,
                text.strip(),
                f"this {what} cannot be read: {error}",
                "a condition such as `win`, `not win` or `py >= 38` is meant",
            )
        except UnwritableError as error:
            self._refuse(line, error.found or text.strip(), error.why, error.hint)
        return None

    def _refuse(self, line: int, found: str, why: str, hint: str) -> None:
        self._report.refuse(line, "", found=found, why=why, hint=hint)


def _parsed_condition(text: str) -> Expression:
    parsed = parse_expression(text)
    if not isinstance(parsed, _CONDITIONS) or (isinstance(parsed, Binary) and parsed.sign in _ARITHMETIC):
        raise ExpressionError("it is neither true nor false")
    return parsed
