"""Line selectors of environment files (CEP 24, "Preprocessing selectors"), decided for emscripten-wasm32.

``unix`` is true, as it is in conda-build for this platform and as CEP 30 gives it ``__unix``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TRUE = frozenset({"unix", "emscripten", "wasm32"})
_FALSE = frozenset(
    {
        *("linux", "linux32", "linux64", "osx", "osx64", "win", "win32", "win64", "wasi", "x86", "x86_64", "x64"),
        *("arm", "arm64", "armv6l", "armv7l", "aarch64", "ppc64", "ppc64le", "s390x", "riscv32", "riscv64", "m68k"),
        *("freebsd", "zos", "z"),
    }
)
_COMMENT = re.compile(r"#\s*\[([^\[\]]+)\]\s*$")
_KEY = re.compile(r"sel\((.*)\)\Z")
_OPENS_BLOCK = re.compile(r"\s*-\s*\Z|.*:(?:\s+[&!]\S*)*(?:\s+[|>][0-9+-]*)?\s*\Z")
_MAX_LENGTH = 500
_MAX_DEPTH = 50
_TOKEN = re.compile(r"\s*(?:(\(|\))|(\w+))")


@dataclass(frozen=True, kw_only=True, slots=True)
class Selected:
    """A text after its comment selectors were applied; dropped lines are empty, so that line numbers stay.

    Attributes:
        text: what is left to parse.
        unknown: (line, expression) of comments that look like selectors and are none that is known.
    """

    text: str
    unknown: tuple[tuple[int, str], ...]


def apply_comment_selectors(text: str) -> Selected:
    """Drop the lines whose selector comment (``# [win]``) is false here, each with the block that it opens."""
    lines, unknown = [], []
    dropped: str | None = None
    for number, line in enumerate(text.split("\n"), start=1):
        if dropped is not None and _is_below(line, dropped):
            lines.append("")
            continue
        dropped = None
        found = _COMMENT.search(line)
        keep = True
        if found:
            try:
                keep = evaluate(found[1])
            except ValueError:
                unknown.append((number, found[1]))
            if not keep and _OPENS_BLOCK.match(line[: found.start()]):
                dropped = line
        lines.append(line if keep else "")
    return Selected(text="\n".join(lines), unknown=tuple(unknown))


def _is_below(line: str, opener: str) -> bool:
    """Whether a line is of the block that `opener` opens: a blank, a comment, or further to the right.

    Items of a key's list may stand right below the key.
    """
    text = line.strip()
    if not text or text.startswith("#"):
        return True
    indent, limit = (len(whole) - len(whole.lstrip(" ")) for whole in (line, opener))
    is_item = text == "-" or text.startswith("- ")
    return indent > limit or (indent == limit and is_item and not opener.lstrip().startswith("-"))


def key_selector(key: str) -> bool | None:
    """What a key ``sel(<expression>)`` comes to; None for a key that is no selector.

    Raises:
        ValueError: the expression is not one that is known.
    """
    found = _KEY.match(key.strip())
    return evaluate(found[1]) if found else None


def evaluate(expression: str) -> bool:
    """The value of ``and``, ``or``, ``not`` and parentheses over platform names.

    Raises:
        ValueError: an unknown name, or no expression at all.
    """
    if len(expression) > _MAX_LENGTH:
        msg = f"it has {len(expression):,} characters, where {_MAX_LENGTH} are the most"
        raise ValueError(msg)
    tokens = _tokens(expression)
    if tokens.count("(") + tokens.count("not") > _MAX_DEPTH:
        msg = f"it has more than {_MAX_DEPTH} parentheses and `not`"
        raise ValueError(msg)
    value, rest = _disjunction(tokens)
    if rest:
        msg = f"unexpected {rest[0]!r}"
        raise ValueError(msg)
    return value


def _tokens(expression: str) -> list[str]:
    tokens, position = [], 0
    expression = expression.strip()
    while position < len(expression):
        found = _TOKEN.match(expression, position)
        if not found:
            msg = f"unexpected {expression[position:].lstrip()[0]!r}"
            raise ValueError(msg)
        tokens.append(found[1] or found[2])
        position = found.end()
    return tokens


def _disjunction(tokens: list[str]) -> tuple[bool, list[str]]:
    value, rest = _conjunction(tokens)
    while rest and rest[0] == "or":
        right, rest = _conjunction(rest[1:])
        value = value or right
    return value, rest


def _conjunction(tokens: list[str]) -> tuple[bool, list[str]]:
    value, rest = _atom(tokens)
    while rest and rest[0] == "and":
        right, rest = _atom(rest[1:])
        value = value and right
    return value, rest


def _atom(tokens: list[str]) -> tuple[bool, list[str]]:
    if not tokens:
        msg = "the expression ends too early"
        raise ValueError(msg)
    head, rest = tokens[0], tokens[1:]
    if head == "not":
        value, rest = _atom(rest)
        return not value, rest
    if head == "(":
        value, rest = _disjunction(rest)
        if not rest or rest[0] != ")":
            msg = "a parenthesis is not closed"
            raise ValueError(msg)
        return value, rest[1:]
    if head in _TRUE or head in _FALSE:
        return head in _TRUE, rest
    msg = f"unknown name {head!r}"
    raise ValueError(msg)
