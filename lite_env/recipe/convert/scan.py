"""A ``meta.yaml`` as lines: jinja taken out of it, selectors as conditions, comments kept, and YAML left over.

conda-build drops lines by their selectors, runs jinja over the rest and reads YAML last. Nothing is run here: each
``{{ … }}`` becomes a mark that YAML takes for text, each ``{% set … %}`` a value, and each ``# [win]`` or
``{% if … %}`` a condition of lines.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lite_env.recipe.convert.expression import conjuncts
from lite_env.recipe.convert.statement import Statements

if TYPE_CHECKING:
    from lite_env.recipe.convert.expression import Expression
    from lite_env.recipe.convert.report import Report
    from lite_env.recipe.convert.statement import Setting

MARK = re.compile("\ue000(\\d+)\ue001")
"""What stands in the YAML in place of an expression: its number."""

MAX_LINE = 10_000
"""Characters of a line."""

# What YAML does not take or takes for the end of a line, and the signs of our marks.
_UNREADABLE = re.compile("[^\t\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue002-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_CLOSERS = {"{{": "}}", "{%": "%}", "{#": "#}"}
_SELECTOR = re.compile(r"#.*\[([^\[\]]+)\][^()]*\Z")
_BLOCK = re.compile(r"(?:\A|[:\-]\s+|\s)[|>](?:[+-]?[1-9]?|[1-9][+-])\Z")
_LEAD = re.compile(r"(?P<indent>\s*)(?P<dashes>(?:-\s+)*)")
_SCALAR_STARTS = re.compile(r"\s*(?:-\s+)*(?:[\w.\-/+]+\s*:\s+)?\Z")


@dataclass(frozen=True, kw_only=True, slots=True)
class Comment:
    """A comment: on a line of its own, or behind something."""

    line: int
    column: int
    text: str
    behind: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Scanned:
    """What a text is made of.

    Attributes:
        yaml: the text without jinja, selectors and comments, with all its lines.
        conditions: by line, all of which must hold for it.
        comments: in the order of lines, selectors not among them.
        settings: what ``{% set … %}`` sets, in order.
        expressions: the source of each expression, by the number in its mark.
        lines_of_expressions: where each stands.
    """

    yaml: str
    conditions: dict[int, tuple[Expression, ...]]
    comments: tuple[Comment, ...]
    settings: tuple[Setting, ...]
    expressions: tuple[str, ...]
    lines_of_expressions: tuple[int, ...]


def scan_lines(text: str, report: Report) -> Scanned:
    """Take a ``meta.yaml`` or a ``conda_build_config.yaml`` apart; what cannot be is refused in `report`."""
    scanner = _Scanner(text, report)
    return scanner.scanned()


def scan_comments(text: str, report: Report) -> Scanned:
    """Take the comments out of a recipe of boa, whose jinja stands in its values and whose selectors are keys."""
    scanner = _Scanner(text, report, jinja=False)
    return scanner.scanned()


class _Scanner:
    def __init__(self, text: str, report: Report, *, jinja: bool = True) -> None:
        self._jinja = jinja
        self._report = report
        self._lines = [line.rstrip("\r") for line in text.removeprefix("\ufeff").split("\n")]
        self._statements = Statements(text, report)
        self._conditions: dict[int, tuple[Expression, ...]] = {}
        self._comments: list[Comment] = []
        self._expressions: list[str] = []
        self._places: list[int] = []
        # Of what goes over several lines: a quote, if a value begins by it; jinja with its first line and what was
        # read of it; a block of text with the column that it stands right of.
        self._quote = ""
        self._whole = False
        self._open: tuple[str, int, list[str]] | None = None
        self._block: int | None = None

    def scanned(self) -> Scanned:
        yaml = [self._line(number, line) for number, line in enumerate(self._lines, start=1)]
        if self._open is not None:
            kind, number, _ = self._open
            self._report.refuse(
                number, "", found=kind, why=f"`{kind}` is not closed", hint=f"close it by `{_CLOSERS[kind]}`"
            )
        self._statements.finish()
        return Scanned(
            yaml="\n".join(yaml),
            conditions=self._conditions,
            comments=tuple(self._comments),
            settings=self._statements.settings,
            expressions=tuple(self._expressions),
            lines_of_expressions=tuple(self._places),
        )

    def _line(self, number: int, line: str) -> str:
        if _UNREADABLE.search(line) or len(line) > MAX_LINE:
            why = f"the line has more than {MAX_LINE:,} characters, or one that is not to be seen"
            self._report.refuse(number, "", found=line[:40], why=why, hint="break it, or remove the character")
            return ""
        in_block = self._in_block(line)
        if not in_block and not self._quote and line.lstrip().startswith("#"):
            # conda-build takes such lines out before jinja comes, also in the midst of it.
            indent = len(line) - len(line.lstrip())
            self._comments.append(Comment(line=number, column=indent, text=line.strip(), behind=False))
            return ""
        content, comment, statements = self._split(number, line, in_block=in_block)
        selector = self._selector(number, comment, line if in_block else "")
        for statement in statements:
            self._statements.take(number, statement, selector, alone=not content.strip())
        conditions = (*self._statements.conditions(), *(() if selector is None else conjuncts(selector)))
        if conditions and content.strip():
            self._conditions[number] = conditions
        if not in_block and self._open is None and not self._quote:
            self._begin_block(content)
        return content

    def _in_block(self, line: str) -> bool:
        if self._block is None:
            return False
        if not line.strip() or len(line) - len(line.lstrip(" ")) > self._block:
            return True
        self._block = None
        return False

    def _begin_block(self, content: str) -> None:
        text = content.rstrip()
        if text.endswith(("|", ">", "-", "+")) or text[-1:].isdigit():
            found = _BLOCK.search(text)
            lead = _LEAD.match(text)
            if found and lead:
                rest = text[lead.end() :]
                # What is in the block stands further right than its key, or than the dash where there is none.
                self._block = lead.end() if ":" in rest else max(0, lead.end("dashes") - 2)

    def _split(self, number: int, line: str, *, in_block: bool) -> tuple[str, str, list[tuple[int, str]]]:
        """A line's content with marks, its comment, and the statements that are whole at its end."""
        out: list[str] = []
        statements: list[tuple[int, str]] = []
        position = 0
        if self._open is not None:
            position = self._go_on(line, statements)
        while position < len(line):
            two = line[position : position + 2]
            if self._jinja and two in _CLOSERS:
                end = line.find(_CLOSERS[two], position + 2)
                if end < 0:
                    self._open = (two, number, [line[position + 2 :]])
                    if two == "{{":
                        out.append(self._mark(number, ""))
                    break
                inner = line[position + 2 : end]
                out.append(self._token(two, number, inner, statements))
                position = end + 2
                continue
            char = line[position]
            if not in_block:
                if char == "#" and not self._quote and (position == 0 or line[position - 1] in " \t"):
                    return "".join(out).rstrip(), line[position:], statements
                self._step(char, line, position, out)
            out.append(char)
            position += 1
        if not self._whole:
            self._quote = ""
        return "".join(out).rstrip(), "", statements

    def _go_on(self, line: str, statements: list[tuple[int, str]]) -> int:
        """Read on in jinja that began above; where the rest of the line begins."""
        kind, begun, pieces = self._open or ("", 0, [])
        end = line.find(_CLOSERS[kind])
        pieces.append(line if end < 0 else line[:end])
        if end < 0:
            return len(line)
        self._open = None
        inner = "\n".join(pieces)
        if kind == "{{":
            self._expressions[-1] = inner
        else:
            self._token(kind, begun, inner, statements)
        return end + 2

    def _token(self, kind: str, number: int, inner: str, statements: list[tuple[int, str]]) -> str:
        if kind == "{{":
            return self._mark(number, inner)
        if kind == "{%":
            statements.append((number, inner))
            return ""
        for offset, text in enumerate(inner.split("\n")):
            if text.strip():
                comment = Comment(line=number + offset, column=0, text=f"# {text.strip()}", behind=False)
                self._comments.append(comment)
        return ""

    def _mark(self, number: int, inner: str) -> str:
        self._expressions.append(inner)
        self._places.append(number)
        return f"\ue000{len(self._expressions) - 1}\ue001"

    def _step(self, char: str, line: str, position: int, out: list[str]) -> None:
        """Follow quotes; what comes before the character is in `out`."""
        if self._quote:
            escaped = self._quote == '"' and _backslashes(line, position) % 2
            if char == self._quote and not escaped:
                self._quote = ""
        elif char in "'\"":
            before = "".join(out)
            self._whole = _SCALAR_STARTS.match(before) is not None
            if self._whole or before.rstrip().endswith(("[", ",", "{")):
                self._quote = char

    def _selector(self, number: int, comment: str, block_line: str) -> Expression | None:
        if block_line and self._jinja:
            found = re.search(r"\s#[^\[\]]*\[([^\[\]]+)\]\s*\Z", block_line)
            if found:
                self._report.refuse(
                    number,
                    "",
                    found=f"[{found[1]}]",
                    why="a selector stands on a line inside of a text",
                    hint="write the text as a list of lines, each with its selector",
                )
            return None
        if not comment:
            return None
        found = _SELECTOR.match(comment) if self._jinja else None
        rest = comment if found is None else f"{comment[: found.start(1) - 1]}{comment[found.end(1) + 1 :]}"
        if text := rest.lstrip("#").strip():
            self._comments.append(Comment(line=number, column=0, text=f"# {text}", behind=True))
        return None if found is None else self._statements.selector(number, found[1])


def _backslashes(line: str, position: int) -> int:
    """How many of them stand in front of `position`."""
    head = line[:position]
    return len(head) - len(head.rstrip("\\"))
