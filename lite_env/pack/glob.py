"""Patterns over paths, compiled so that none can take long: at most about the square of a path's length.

A translation star by star (``(?:[^/]+/)*`` for ``**/``) makes a regular expression try all ways to share a path among
the stars of a pattern, which for ten of them takes longer than anybody waits. Here the piece behind each star is taken
at its first place and never moved (an atomic group): what comes after the next star may begin anywhere later, so that
no later place can be better. Only the piece behind the last star, which must reach the end, is tried everywhere.
"""

from __future__ import annotations

import re
from itertools import islice, pairwise, product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MAX_LENGTH = 1000
"""Characters of a pattern."""
MAX_CHOICES = 1000
"""Patterns without a choice that one pattern comes to."""

_CHOICE = re.compile(r"\{([^{}]*)\}")
_TOKEN = re.compile(r"(\*\*/|\*\*|\*|\?|/)")
_FOLDERS, _ANY, _NAME, _ONE = "**/", "**", "*", "?"


def beyond_bounds(pattern: str) -> str | None:
    """Why a pattern is not compiled, in words that go on after it; None when it is."""
    if len(pattern) > MAX_LENGTH:
        return f"has {len(pattern):,} characters, where {MAX_LENGTH:,} are the most"
    if count_plain(pattern) > MAX_CHOICES:
        return f"has choices that come to more than {MAX_CHOICES:,} patterns"
    return None


def count_plain(pattern: str) -> int:
    """How many patterns without a choice one pattern comes to; counted as far as one more than `MAX_CHOICES`."""
    return sum(1 for _ in islice(_plain_patterns(pattern), MAX_CHOICES + 1))


def compile_globs(patterns: Iterable[str]) -> re.Pattern[str]:
    """What fully matches the paths that any of `patterns` names.

    ``*`` and ``?`` stay within one path component, ``**/`` is any number of folders, ``**`` any text that is not empty,
    ``{a,b}`` is a choice, a pattern that ends in ``/`` names everything below that folder.
    """
    return re.compile("|".join(_translate(tokens) for pattern in patterns for tokens in _plain_patterns(pattern)))


def _plain_patterns(pattern: str) -> Iterator[tuple[str, ...]]:
    """The tokens of each pattern that `pattern` stands for: without choices, and each ``**/`` where a folder begins."""
    whole = f"{pattern}**" if pattern.endswith("/") else pattern
    # Every second piece is the inside of a choice. Stars do not grow together across its braces.
    options = [
        [_tokens(part) for part in (piece.split(",") if place % 2 else [piece])]
        for place, piece in enumerate(_CHOICE.split(whole))
    ]
    for parts in product(*options):
        tokens: list[str] = []
        for token in (token for part in parts for token in part):
            if not (token == _FOLDERS and tokens[-1:] == [_FOLDERS]):
                tokens.append(token)
        yield from _aligned(tokens)


def _tokens(text: str) -> list[str]:
    return [token for token in _TOKEN.split(text) if token]


def _aligned(tokens: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """In the middle of a name, ``x**/y`` is ``xy`` or ``x?*/**/y``."""
    options: list[Sequence[Sequence[str]]] = []
    before = "/"
    for token in tokens:
        inside = token == _FOLDERS and before not in ("/", _FOLDERS)
        options.append(((), (_ONE, _NAME, "/", _FOLDERS)) if inside else ((token,),))
        before = token
    for parts in product(*options):
        yield tuple(token for part in parts for token in part)


def _translate(tokens: Sequence[str]) -> str:
    places = [place for place, token in enumerate(tokens) if token in (_FOLDERS, _ANY)]
    out = _piece(tokens[: places[0]] if places else tokens, last=not places)
    for place, end in pairwise([*places, len(tokens)]):
        skipped = "(?:[^/]+/)*?" if tokens[place] == _FOLDERS else "(?s:.)+?"
        last = end == len(tokens)
        whole = skipped + _piece(tokens[place + 1 : end], last=last)
        out += whole if last else f"(?>{whole})"
    return f"{out}\\Z"


def _piece(tokens: Sequence[str], *, last: bool) -> str:
    """Tokens without ``**``; in the last piece, what follows the last star must reach the end of the path."""
    places = [place for place, token in enumerate(tokens) if token == _NAME]
    out = _literal(tokens[: places[0]] if places else tokens)
    for place, end in pairwise([*places, len(tokens)]):
        literal = _literal(tokens[place + 1 : end])
        out += f"[^/]*{literal}" if last and end == len(tokens) else f"(?>[^/]*?{literal})"
    return out


def _literal(tokens: Sequence[str]) -> str:
    return "".join("[^/]" if token == _ONE else re.escape(token) for token in tokens)
