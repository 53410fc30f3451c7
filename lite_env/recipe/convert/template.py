"""Texts with jinja in them: ``foo-{{ version }}.tar.gz`` as literal parts and expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_env.recipe.convert.expression import Binary, Expression, Text
from lite_env.recipe.convert.expression_reader import ExpressionError, parse_expression
from lite_env.recipe.convert.expression_text import expression_text

if TYPE_CHECKING:
    from lite_env.recipe.convert.rewrite import Rewriter

Parts = tuple[str | Expression, ...]
"""Literal texts and expressions in turns; no part is an empty text."""


def split_template(text: str) -> Parts:
    """A text's parts.

    Raises:
        ExpressionError: what stands in braces is no expression that is known.
    """
    parts: list[str | Expression] = []
    position = 0
    while (start := text.find("{{", position)) >= 0:
        end = text.find("}}", start)
        if end < 0:
            raise ExpressionError("`{{` is not closed by `}}`")
        parts.append(text[position:start])
        parts.append(parse_expression(text[start + 2 : end].strip("-+")))
        position = end + 2
    parts.append(text[position:])
    return tuple(part for part in parts if part != "")


def literal(parts: Parts) -> str | None:
    """The text of parts that hold no expression; None for others."""
    texts = [part for part in parts if isinstance(part, str)]
    return "".join(texts) if len(texts) == len(parts) else None


def rewritten_text(parts: Parts, rewriter: Rewriter) -> str:
    """The text for rattler-build: ``foo-${{ version }}.tar.gz``.

    Raises:
        UnwritableError: rattler-build cannot say it.
    """
    return "".join(
        part if isinstance(part, str) else f"${{{{ {expression_text(rewriter.rewrite(part))} }}}}" for part in parts
    )


def as_expression(parts: Parts) -> Expression:
    """One expression that comes to the whole text."""
    whole: Expression | None = None
    for part in parts:
        one = Text(part) if isinstance(part, str) else part
        whole = one if whole is None else Binary("~", whole, one)
    return Text("") if whole is None else whole
