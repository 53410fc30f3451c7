from __future__ import annotations

import functools
import subprocess
import sys
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_env.pack.glob import beyond_bounds, compile_globs


def matches(pattern: str, path: str) -> bool:
    return compile_globs([pattern]).fullmatch(path) is not None


@pytest.mark.parametrize(
    ("pattern", "named", "others"),
    [
        ("**/*.a", ["x.a", "lib/x.a", "lib/y/.a"], ["x.ab", "lib/x.a/y"]),
        ("share/", ["share/x", "share/x/y"], ["share", "xshare/x"]),
        ("lib/*/cmake/", ["lib/x/cmake/y"], ["lib/cmake/y", "lib/x/y/cmake/z"]),
        ("lib/python*/site-packages/*/**/tests/", ["lib/python3.11/site-packages/a/b/tests/c"], ["lib/python/tests/c"]),
        ("?.{py,c}", ["a.py", "b.c"], ["ab.c", "/.c"]),
        ("{a,b}{c,d}", ["ac", "bd"], ["ab", "a"]),
        ("{a,b/c}/**/d", ["a/d", "b/c/x/y/d"], ["b/d"]),
        ("a**b", ["axb", "ax/yb"], ["ab"]),
        ("a**/b", ["ab", "ax/b", "ax/y/b"], ["a/b", "axb"]),
        ("**", ["a", "a/b"], [""]),
        ("a.b", ["a.b"], ["axb"]),
        ("a\nb*", ["a\nb\n"], ["a\nb\n/"]),
        ("[ab]", ["[ab]"], ["a"]),
        ("{a", ["{a"], ["a"]),
    ],
)
def test_what_patterns_name(pattern, named, others):
    assert [path for path in named if not matches(pattern, path)] == []
    assert [path for path in others if matches(pattern, path)] == []


PIECES = ["a", "b", "/", "*", "**", "**/", "?", "/**/", "*/"]


def slowly(pieces: list[str], path: str) -> bool:
    """Whether a pattern of `pieces` names `path`, tried star by star."""
    tokens = [
        token
        for piece in pieces
        for token in (("/", "**/") if piece == "/**/" else ("*", "/") if piece == "*/" else (piece,))
    ]

    @functools.cache
    def from_(token: int, at: int) -> bool:
        if token == len(tokens):
            return at == len(path)
        kind = tokens[token]
        if kind == "*":
            return from_(token + 1, at) or (at < len(path) and path[at] != "/" and from_(token, at + 1))
        if kind == "**":
            return any(from_(token + 1, end) for end in range(at + 1, len(path) + 1))
        if kind == "**/":
            end = path.find("/", at)
            return from_(token + 1, at) or (end > at and from_(token, end + 1))
        if kind == "?":
            return at < len(path) and path[at] != "/" and from_(token + 1, at + 1)
        return path.startswith(kind, at) and from_(token + 1, at + len(kind))

    return from_(0, 0)


@given(
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=7),
    st.from_regex(r"[ab]{1,3}(/[ab]{1,2}){0,3}", fullmatch=True),
)
def test_stars_name_what_trying_all_ways_names(pieces, path):
    # Braces keep neighbouring stars apart, as they are in `pieces`.
    pattern = "".join(f"{{{piece}}}" if "*" in piece else piece for piece in pieces)
    if not pattern.endswith("/"):
        assert matches(pattern, path) == slowly(pieces, path)


SLOW = """
    from lite_env.pack.glob import compile_globs
    paths = ["a/" * 500 + "a", "a" * 1000, "aa/" * 300 + "xa/" * 100]
    patterns = ["**/" * 40 + "x", "**/*a/" * 40 + "x", "**/" + "*a" * 40 + "b", "**a" * 40 + "b", "**/a*" * 40 + "b"]
    for pattern in patterns:
        assert [path for path in paths if compile_globs([pattern]).fullmatch(path)] == []
"""


def test_a_pattern_of_many_stars_is_done_with_soon():
    # Star by star, the first of them would take longer than this machine lasts.
    subprocess.run([sys.executable, "-c", textwrap.dedent(SLOW)], check=True, timeout=120)


def test_patterns_beyond_bounds():
    assert beyond_bounds("**/" * 300) is None
    assert beyond_bounds("a" * 1001) == "has 1,001 characters, where 1,000 are the most"
    assert beyond_bounds("{a,b}" * 10) == "has choices that come to more than 1,000 patterns"
    assert beyond_bounds("a**/" * 10) == "has choices that come to more than 1,000 patterns"
    assert beyond_bounds("{a,b}" * 9) is None
