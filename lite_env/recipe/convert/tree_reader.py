"""Makes the tree of an old recipe from the nodes of its YAML."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import yaml

from lite_env.errors import RecipeError
from lite_env.recipe.convert.expression import Name, Text, names_in
from lite_env.recipe.convert.expression_reader import ExpressionError, parse_expression
from lite_env.recipe.convert.scan import MARK
from lite_env.recipe.convert.template import split_template
from lite_env.recipe.convert.tree import Items, Leaf, Table, leaves_of
from lite_env.store.text import Origin
from lite_env.store.yaml_text import compose_yaml

if TYPE_CHECKING:
    from lite_env.recipe.convert.expression import Expression
    from lite_env.recipe.convert.report import Report
    from lite_env.recipe.convert.scan import Comment, Scanned
    from lite_env.recipe.convert.template import Parts
    from lite_env.recipe.convert.tree import Conditions, Value

MAX_BYTES = 1 << 20
"""Bytes of one recipe: the longest have a tenth of it."""
MAX_KEY = 200
"""Characters of a key."""
MAX_CONDITIONS = 60
"""Conditions of one value."""
MAX_EXPRESSIONS = 40
"""Expressions in one value."""
_PREFIX = "tag:yaml.org,2002:"
_REFUSED = Name("refused")
"""What stands for an expression that was refused."""
_BLOCKS = ("|", ">")


class KeySelector(Protocol):
    """Recognises keys that are selectors."""

    def __call__(self, line: int, key: str) -> Expression | None:
        """The condition that `key` is; None for a key that is none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Read:
    """What a text held.

    Attributes:
        root: its tree; None for an empty text.
        of_settings: comments by the line of what is set there.
        rest: comments that stand at nothing.
        uses: the lines in which each name is used.
    """

    root: Value | None
    of_settings: dict[int, tuple[Comment, ...]]
    rest: tuple[Comment, ...]
    uses: dict[str, list[int]]


def read_tree(scanned: Scanned, report: Report, key_selector: KeySelector | None = None) -> Read:
    """The tree of a text that was taken apart.

    Raises:
        RecipeError: it is not YAML.
    """
    origin = Origin(what="the recipe", error=RecipeError, file=report.file, max_bytes=MAX_BYTES)
    node = compose_yaml(scanned.yaml, origin)
    reader = _Reader(scanned, report, key_selector)
    root = None if node is None else reader.read(node, "", (), None)
    return Read(root=root, of_settings=reader.of_settings, rest=reader.rest(), uses=reader.uses)


class _Reader:
    def __init__(self, scanned: Scanned, report: Report, key_selector: KeySelector | None) -> None:
        self._scanned = scanned
        self._report = report
        self._key_selector = key_selector
        self._count = 0
        self._lines = scanned.yaml.split("\n")
        self._before = [each for each in scanned.comments if not each.behind]
        self._behind = {each.line: each for each in scanned.comments if each.behind}
        self.uses: dict[str, list[int]] = {}
        self.of_settings = self._comments_of_settings()

    def rest(self) -> tuple[Comment, ...]:
        """The comments that stand at nothing."""
        return tuple(sorted((*self._before, *self._behind.values()), key=lambda each: each.line))

    def read(self, node: yaml.Node, key: str, conditions: Conditions, line: int | None) -> Value:
        """One value; `line` is that of its key, when it has one."""
        start = node.start_mark.line + 1 if line is None else line
        if isinstance(node, yaml.ScalarNode):
            return self._leaf(node, key, conditions, start)
        opening = self._scanned.conditions.get(start, ())
        if isinstance(node, yaml.SequenceNode):
            items = tuple(
                self.read(item, f"{key}[{number}]", conditions, None) for number, item in enumerate(node.value)
            )
            items = tuple(each for item in items for each in self._selected(item))
            value: Value = Items(line=start, key=key, items=items)
        else:
            value = self._table(node, key, conditions, start)
        self._check_opening(value, opening, start, key)
        return value

    def _table(self, node: yaml.Node, key: str, conditions: Conditions, start: int) -> Table:
        pairs: list[tuple[str, Value]] = []
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            name = self._key(key_node, line)
            inner = f"{key}.{name}" if key else name
            selected = self._key_selector(line, name) if self._key_selector else None
            if selected is not None:
                value = self.read(value_node, key, (*conditions, selected), line)
                # What stands in it belongs beside it.
                pairs += value.pairs if isinstance(value, Table) else [(name, value)]
            else:
                pairs.append((name, self.read(value_node, inner, conditions, line)))
        return Table(line=start, key=key, pairs=tuple(pairs))

    def _selected(self, item: Value) -> tuple[Value, ...]:
        """An item of boa, ``sel(win): x``, is x, or all items of x; others are what they are."""
        if self._key_selector is None or not isinstance(item, Table) or not item.pairs:
            return (item,)
        if not all(name.startswith("sel(") for name, _ in item.pairs):
            return (item,)
        values = [value for _, value in item.pairs]
        return tuple(each for value in values for each in (value.items if isinstance(value, Items) else (value,)))

    def _key(self, node: yaml.Node, line: int) -> str:
        """A key's text; one that is an expression must be a name that is set to a text."""
        if len(node.value) > MAX_KEY:
            why = f"a key has more than {MAX_KEY} characters"
            self._report.refuse(line, "", found=node.value, why=why, hint="write a shorter one")
            return str(node.value[:MAX_KEY])
        parts = self._parts(node.value, line, "")
        if all(isinstance(part, str) for part in parts):
            return str(node.value)
        texts = [self._value_of(part) for part in parts]
        if None in texts:
            self._report.refuse(
                line, "", found=MARK.sub("{{…}}", node.value), why="a key is made by jinja", hint="write the key itself"
            )
            return MARK.sub("?", node.value)
        return "".join(text for text in texts if text is not None)

    def _value_of(self, part: object) -> str | None:
        if isinstance(part, str):
            return part
        values = [each for each in self._scanned.settings if isinstance(part, Name) and each.name == part.name]
        if len(values) == 1 and isinstance(values[0].value, Text) and values[0].condition is None:
            return values[0].value.value
        return None

    def _leaf(self, node: yaml.ScalarNode, key: str, conditions: Conditions, start: int) -> Leaf:
        block = node.style in _BLOCKS
        # A block ends where what follows it begins.
        last = max(start, node.end_mark.line + (not block))
        own = self._line_conditions(start, last, key)
        conditions = (*conditions, *own)
        parts = self._parts(node.value, start, key)
        if len(conditions) > MAX_CONDITIONS or len(parts) > 2 * MAX_EXPRESSIONS:
            why = f"a value has more than {MAX_EXPRESSIONS} expressions, or {MAX_CONDITIONS} conditions"
            self._report.refuse(start, key, found="…", why=why, hint="write it in several values")
            parts, conditions = (_REFUSED,), ()
        self._count += 1
        return Leaf(
            number=self._count - 1,
            line=start,
            key=key,
            parts=parts,
            kind=node.tag.removeprefix(_PREFIX),
            folded=block,
            conditions=conditions,
            before=self._comments_before(start),
            behind=self._behind.pop(start, None),
        )

    def _line_conditions(self, start: int, last: int, key: str) -> Conditions:
        """The conditions of a value's lines, which must be the same for all of them."""
        own = self._scanned.conditions.get(start, ())
        for number in range(start + 1, last + 1):
            line = self._lines[number - 1] if number <= len(self._lines) else ""
            if line.strip() and self._scanned.conditions.get(number, ()) != own:
                self._report.refuse(
                    number,
                    key,
                    found=line.strip(),
                    why="a selector stands on some lines of a value, and not on all",
                    hint="write the value on one line, or a value for each case",
                )
                break
        return own

    def _check_opening(self, value: Value, opening: Conditions, line: int, key: str) -> None:
        """Refuse a selector on a line that opens a list or mapping, unless all that is in it has the selector too."""
        if not opening or not key:
            return
        outside = [leaf for leaf in leaves_of(value) if not set(opening) <= set(leaf.conditions)]
        if outside or not any(True for _ in leaves_of(value)):
            self._report.refuse(
                line,
                key,
                found="a selector on the line that opens it",
                why="conda-build drops this line alone, and what stands below it would belong elsewhere",
                hint="put the selector on each line below it too",
            )

    def _parts(self, text: str, line: int, key: str) -> Parts:
        """A scalar's text and expressions; what is wrong with them is refused at their own line."""
        if not self._scanned.expressions:
            return self._own_parts(text, line, key)
        parts: list[str | Expression] = []
        for number, piece in enumerate(MARK.split(text)):
            if number % 2 == 0:
                parts += [piece] if piece else []
                continue
            source = self._scanned.expressions[int(piece)]
            try:
                expression = parse_expression(source.strip("-+"))
                parts.append(expression)
                for name in names_in(expression):
                    self.uses.setdefault(name, []).append(self._scanned.lines_of_expressions[int(piece)])
            except ExpressionError as error:
                self._refuse_expression(self._scanned.lines_of_expressions[int(piece)], key, source, error)
                parts.append(_REFUSED)
        return tuple(parts)

    def _own_parts(self, text: str, line: int, key: str) -> Parts:
        try:
            return split_template(text)
        except ExpressionError as error:
            self._refuse_expression(line, key, text, error)
        return (_REFUSED,)

    def _refuse_expression(self, line: int, key: str, source: str, error: ExpressionError) -> None:
        self._report.refuse(
            line,
            key,
            found=source.strip(),
            why=f"this is no known expression: {error}",
            hint="write the value itself, or an expression of names, calls, filters and operators",
        )

    def _comments_of_settings(self) -> dict[int, tuple[Comment, ...]]:
        """The comments between what stands above a line that sets something, and the one behind it."""
        above: list[int] = []  # by line, counted from 0: the last line with content up to it
        for number, line in enumerate(self._lines, start=1):
            above.append(number if line.strip() else above[-1] if above else 0)
        found: dict[int, tuple[Comment, ...]] = {}
        taken: set[int] = set()
        lines = [each.line for each in self._before]
        last = 0
        for each in self._scanned.settings:
            start = max(last, above[each.line - 1])
            comments = self._before[bisect_right(lines, start) : bisect_left(lines, each.line)]
            behind = self._behind.pop(each.line, None)
            found[each.line] = (*comments, *(() if behind is None else (behind,)))
            taken.update(comment.line for comment in comments)
            last = max(last, each.line)
        self._before = [each for each in self._before if each.line not in taken]
        return found

    def _comments_before(self, line: int) -> tuple[Comment, ...]:
        end = 0
        while end < len(self._before) and self._before[end].line < line:
            end += 1
        taken = tuple(self._before[:end])
        del self._before[:end]
        return taken
