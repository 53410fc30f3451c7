"""boa's ``recipe.yaml``, from before rattler-build: pure YAML with ``{{ … }}``, ``sel(…)`` keys and a ``context``.

Sources: boa's recipe specification and schema, and recipes of emscripten-forge from 2022 to 2024.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lite_env.recipe.convert.expression import Name, Number, Sequence, Text
from lite_env.recipe.convert.expression_reader import ExpressionError, parse_expression
from lite_env.recipe.convert.rewrite import Rewriter, UnwritableError
from lite_env.recipe.convert.statement import MAX_NAME, Setting
from lite_env.recipe.convert.template import as_expression
from lite_env.recipe.convert.tree import Items, Leaf, Table

if TYPE_CHECKING:
    from lite_env.recipe.convert.expression import Expression
    from lite_env.recipe.convert.report import Report
    from lite_env.recipe.convert.tree import Value

_SELECTOR = re.compile(r"sel\((.*)\)\Z")
_NEW = re.compile(
    r"^schema_version\s*:|\$\{\{|^\s*-?\s*if\s*:.*\n\s*then\s*:|^\s+(?:homepage|run_constraints)\s*:", re.MULTILINE
)
_OLD = re.compile(
    r"(?<!\$)\{\{|\bsel\(|^test\s*:|^\s+(?:home|dev_url|doc_url|run_constrained|git_url|git_rev|folder|fn|script_env"
    r"|run_exports|ignore_run_exports|ignore_run_exports_from|entry_points|run_constrained)\s*:|^(?:steps|features)\s*:",
    re.MULTILINE,
)


def is_boa(text: str) -> bool:
    """Whether a ``recipe.yaml`` is an old one; what has nothing of either format is rattler-build's."""
    return _NEW.search(text) is None and _OLD.search(text) is not None


class Selectors:
    """The keys ``sel(…)`` of one file.

    Args:
        report: what cannot be read is refused there.
    """

    def __init__(self, report: Report) -> None:
        self._report = report

    def __call__(self, line: int, key: str) -> Expression | None:
        """The condition of a key; None for a key that is none."""
        found = _SELECTOR.match(key.strip())
        if found is None:
            return None
        try:
            return Rewriter(condition=True).rewrite(parse_expression(found[1]))
        except ExpressionError as error:
            why, hint = f"this selector cannot be read: {error}", "write `sel(win)`, or `sel(py < 38)`"
        except UnwritableError as error:
            why, hint = error.why, error.hint
        self._report.refuse(line, "", found=key, why=why, hint=hint)
        return Name("true")


def split_context(root: Value, report: Report) -> tuple[Value, tuple[Setting, ...]]:
    """What a recipe sets in ``context``, and the rest of it."""
    if not isinstance(root, Table):
        return root, ()
    settings: list[Setting] = []
    for key, value in root.pairs:
        if key != "context":
            continue
        for name, each in value.pairs if isinstance(value, Table) else ():
            made = _value(each)
            if made is None or not name.isidentifier() or len(name) > MAX_NAME:
                report.refuse(
                    each.line,
                    each.key,
                    found=each.text if isinstance(each, Leaf) else "a list or a mapping",
                    why="this is no value that a name can have",
                    hint="write a text, a number, or a list of them",
                )
                continue
            settings.append(Setting(line=each.line, name=name, value=made, condition=None))
        if not isinstance(value, Table):
            report.refuse(value.line, "context", found="no mapping", why="`context` is a mapping", hint="write names")
    rest = tuple((key, value) for key, value in root.pairs if key != "context")
    return Table(line=root.line, key=root.key, pairs=rest), tuple(settings)


def _value(value: Value) -> Expression | None:
    if isinstance(value, Items):
        items = [_value(item) for item in value.items]
        return Sequence(tuple(item for item in items if item is not None)) if None not in items else None
    if not isinstance(value, Leaf) or value.conditions:
        return None
    text = value.plain
    if text is None:
        return as_expression(value.parts)
    if value.kind == "int" and text.isdecimal():
        return Number(text)
    if value.kind == "bool":
        return Name("true" if text.lower() in ("true", "yes", "on") else "false")
    return Text(text)
