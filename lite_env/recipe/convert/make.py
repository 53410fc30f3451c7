"""Makes values of the new recipe out of those of the old one: texts, choices between texts, lists with conditions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from lite_env.recipe.convert.expression import Choice, Name, Number, Text, all_of, negated
from lite_env.recipe.convert.expression_reader import ExpressionError, parse_expression
from lite_env.recipe.convert.expression_text import expression_text
from lite_env.recipe.convert.keys import items_of
from lite_env.recipe.convert.output import OutList, OutTable, OutText
from lite_env.recipe.convert.rewrite import Rewriter, UnwritableError
from lite_env.recipe.convert.template import as_expression, literal, rewritten_text
from lite_env.recipe.convert.tree import Items, Leaf, shared_conditions, with_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from lite_env.recipe.convert.expression import Expression
    from lite_env.recipe.convert.output import Out
    from lite_env.recipe.convert.report import Report
    from lite_env.recipe.convert.rewrite import Place
    from lite_env.recipe.convert.tree import Conditions, Value

MAX_CASES = 30
"""Cases that one value may have."""

_TRUE = frozenset({"true", "True", "TRUE", "yes", "Yes", "on", "On"})
_FALSE = frozenset({"false", "False", "FALSE", "no", "No", "off", "Off"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Maker:
    """Makes values for one recipe.

    Attributes:
        report: where is refused what cannot be made.
        context: the names that the recipe sets.
        given: conditions that hold already where the values will stand.
    """

    report: Report
    context: frozenset[str] = frozenset()
    given: Conditions = ()

    def within(self, conditions: Conditions) -> Maker:
        """The same for what stands where `conditions` hold."""
        return replace(self, given=(*self.given, *conditions))

    def rewriter(self, place: Place = "value") -> Rewriter:
        """What rewrites the expressions of this recipe."""
        return Rewriter(context=self.context, place=place)

    def refuse(self, value: Value, why: str, hint: str, *, found: str | None = None) -> None:
        """Refuse a value."""
        text = found if found is not None else value.text if isinstance(value, Leaf) else ""
        self.report.refuse(value.line, value.key, found=text or "nothing", why=why, hint=hint)

    def note(self, value: Value, text: str) -> None:
        """Say something of a value."""
        self.report.note(value.line, value.key, text)

    def text(self, leaf: Leaf, place: Place = "value") -> OutText | None:
        """A leaf as it stands, whatever its conditions; None when it was refused."""
        try:
            text = rewritten_text(leaf.parts, self.rewriter(place))
        except UnwritableError as error:
            self.refuse(leaf, error.why, error.hint, found=error.found or leaf.text)
            return None
        return OutText(text=text, bare=leaf.kind in ("int", "bool") and leaf.plain is not None, origins=(leaf,))

    def scalar(
        self,
        values: list[Value],
        place: Place = "value",
        *,
        change: Callable[[Leaf], Leaf | None] | None = None,
        default: Expression | None = None,
    ) -> OutText | None:
        """One value of those that stand for a key under conditions.

        Args:
            values: what stands for the key.
            place: where it stands.
            change: changes each of them, or refuses it.
            default: what it is where none of the conditions holds; by default rattler-build decides.
        """
        leaves = [leaf for leaf in (self._only_leaf(value) for value in values) if leaf is not None]
        if change is not None:
            leaves = [leaf for leaf in (change(leaf) for leaf in leaves) if leaf is not None]
        if not leaves or self.too_many(leaves):
            return None
        always = [leaf for leaf in leaves if not self.open_conditions(leaf)]
        if len(always) > 1 or (always and always[0] is not leaves[-1] and len(leaves) > 1):
            self.refuse(
                leaves[-1],
                f"the key stands {len(leaves)} times, and the selectors do not say which one is meant",
                "write a selector behind each that leaves one for each case",
            )
            return None
        if len(leaves) == 1 and always:
            return self.text(leaves[0], place)
        try:
            text = f"${{{{ {expression_text(self._choice(leaves, place, default))} }}}}"
        except UnwritableError as error:
            self.refuse(leaves[0], error.why, error.hint, found=error.found or leaves[0].text)
            return None
        return OutText(text=text, origins=tuple(leaves))

    def flag(self, values: list[Value], *, default: bool = False, inverse: bool = False) -> OutText | None:
        """True or false, or the opposite; and what conda-build takes where nothing is said."""

        def change(leaf: Leaf) -> Leaf | None:
            value = truth(leaf)
            if value is None:
                self.refuse(leaf, "this is neither true nor false", "write `true` or `false`")
                return None
            return with_text(leaf, "true" if value != inverse else "false", kind="bool")

        otherwise = Name("true" if default != inverse else "false")
        return self.scalar(values, change=change, default=otherwise)

    def listed(
        self,
        values: list[Value],
        place: Place = "value",
        *,
        make: Callable[[Maker, Value], Out | None] | None = None,
    ) -> OutList | None:
        """A list, in which what depends on a condition stands below an ``if``."""
        made: list[tuple[Conditions, Out]] = []
        for item in items_of(values):
            conditions = tuple(each for each in shared_conditions(item) if each not in self.given)
            inner = self.within(conditions)
            out = make(inner, item) if make is not None else inner.item(item, place)
            if out is not None:
                made.append((conditions, out))
        return OutList(items=grouped(made)) if made else None

    def condition_of(self, leaf: Leaf) -> OutText | None:
        """A leaf whose text is a condition, without braces."""
        try:
            parsed = parse_expression(leaf.plain if leaf.plain is not None else "")
            made = Rewriter(context=self.context, condition=True).rewrite(parsed)
        except ExpressionError as error:
            self.refuse(leaf, f"this condition cannot be read: {error}", "write `win`, or `py < 38`")
            return None
        except UnwritableError as error:
            self.refuse(leaf, error.why, error.hint, found=error.found or leaf.text)
            return None
        return OutText(text=expression_text(made), origins=(leaf,))

    def too_many(self, leaves: list[Leaf]) -> bool:
        """Refuse cases of one value that are more than one expression may have."""
        if len(leaves) <= MAX_CASES:
            return False
        self.refuse(leaves[MAX_CASES], f"there are more than {MAX_CASES} cases of one value", "write fewer")
        return True

    def open_conditions(self, leaf: Leaf) -> Conditions:
        """The conditions of a leaf that do not hold yet where it will stand."""
        return tuple(each for each in leaf.conditions if each not in self.given)

    def item(self, item: Value, place: Place = "value") -> Out | None:
        """A text of a list; None when it was refused."""
        leaf = self._only_leaf(item)
        return None if leaf is None else self.text(leaf, place)

    def _only_leaf(self, value: Value) -> Leaf | None:
        if isinstance(value, Leaf):
            return value
        kind = "a list" if isinstance(value, Items) else "a mapping"
        self.refuse(value, f"{kind} stands where one value is meant", "write one value", found=kind)
        return None

    def _choice(self, leaves: list[Leaf], place: Place, default: Expression | None) -> Expression:
        rewriter = self.rewriter(place)
        conditions = [all_of(*self.open_conditions(leaf)) for leaf in leaves]
        if len(leaves) == 2 and conditions[0] is not None and conditions[1] == negated(conditions[0]):  # noqa: PLR2004
            conditions[-1] = None  # all that is left
        whole = default
        for leaf, condition in reversed(list(zip(leaves, conditions, strict=True))):
            value = _value(leaf, rewriter)
            whole = value if condition is None else Choice(value, condition, whole)
        return whole or Text("")


def condition_text(conditions: Conditions) -> str:
    """Conditions as the text behind ``if:``."""
    whole = all_of(*conditions)
    return "true" if whole is None else expression_text(whole)


def grouped(made: list[tuple[Conditions, Out]]) -> tuple[Out, ...]:
    """Items in order, neighbours of one condition below one ``if``."""
    items: list[Out] = []
    for conditions, group in groupby(made, key=lambda each: each[0]):
        outs = tuple(out for _, out in group)
        if not conditions:
            items += outs
            continue
        then: Out = outs[0] if len(outs) == 1 else OutList(items=outs)
        items.append(OutTable(pairs=(("if", OutText(text=condition_text(conditions))), ("then", then))))
    return tuple(items)


def truth(leaf: Leaf) -> bool | None:
    """What a leaf says as true or false; None when that is neither."""
    text = leaf.plain
    return None if text is None else True if text in _TRUE else False if text in _FALSE else None


def _value(leaf: Leaf, rewriter: Rewriter) -> Expression:
    text = literal(leaf.parts)
    if text is not None and leaf.kind == "int" and text.isdecimal():
        return Number(text)
    if text is not None and leaf.kind == "bool":
        return Name("true" if truth(leaf) else "false")
    return rewriter.rewrite(as_expression(leaf.parts))
