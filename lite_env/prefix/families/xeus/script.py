"""What the script of a kernel tells of it, by its text."""

from __future__ import annotations

import re

# What tells the scripts of every generation.
FACTORY = b"createXeusModule"
_GLUE = b"WebAssembly"
# How a script looks that hands over variables, in whatever form.
_TAKES_VARIABLES = re.compile(rb"setenv|[\"']ENV[\"']|\.ENV\b")
# A statement that only modules have; the word is no name in any script, but may be one of a property.
_EXPORT = re.compile(rb"(?<![.\w$#])export\s*(?:default\b|[{*])")
# What is no code: comments, texts, and expressions between slashes, which stand where no value can be divided. What is
# not ended goes on to the end of its line or of all, so that no byte is looked at again and again.
_NO_CODE = re.compile(
    rb"""
    /\*.*?(?:\*/|\Z) | //[^\n]*
    | "(?:\\.|[^"\\\n])*+"? | '(?:\\.|[^'\\\n])*+'? | `(?:\\.|[^`\\])*+`?
    | (?:[(,=:\[!&|?{;+]|\breturn\b|\btypeof\b)[\ \t]*/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*+\]?|[^/\\\n\[])++/?
    | \n[\ \t]*/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*+\]?|[^/\\\n\[])++/
    """,
    re.VERBOSE | re.DOTALL,
)


def defines_factory(script: bytes) -> bool:
    """Whether it is one of a kernel built on xeus."""
    return FACTORY in script


def is_module(script: bytes) -> bool:
    """Whether it has to be imported, as Emscripten's ``EXPORT_ES6`` makes them: a classic script cannot export.

    It is read from its first byte on, since in its middle nobody can tell a text's end from its beginning.
    """
    return _EXPORT.search(script) is not None and _EXPORT.search(_code_of(script)) is not None


def may_take_variables(script: bytes) -> bool:
    """Whether it may have a way to be given environment variables."""
    return _GLUE not in script or _TAKES_VARIABLES.search(script) is not None


def _code_of(script: bytes) -> bytes:
    """`script` with a space for each comment, and a value for each text and the like."""
    return _NO_CODE.sub(lambda found: b" " if found[0].startswith((b"//", b"/*")) else b"0", script)
