"""What the script beside a main module hands to WebAssembly: the names in its import object, by its text.

Emscripten writes them as one object literal, ``wasmImports`` (before 3.1.34 ``asmLibraryArg``), and its loader finds
what libraries import there, besides what the main module exports. Two kinds of names it makes when they are asked
for: ``invoke_*`` and ``__cxa_find_matching_catch_*``. (Emscripten, ``src/library_dylink.js``: ``resolveGlobalSymbol``.)
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_OBJECT = re.compile(r"\b(?:wasmImports|asmLibraryArg)\s*=\s*\{")
_ENTRY = re.compile(r"(?:\s|/\*.*?\*/)*[\"']?([\w$]+)[\"']?\s*(?::\s*([\w$.]+)\s*)?(,|\})", re.DOTALL)
# What stands in for a function that was missing when the main module was linked: the loader looks past it.
_STAND_IN = re.compile(r"([\w$.]+)\.stub\s*=\s*(?:true|!0)")
_END = re.compile(r"(?:\s|/\*.*?\*/)*\}", re.DOTALL)
_MAKES_INVOKES = re.compile(r"startsWith\(\s*[\"']invoke_[\"']\s*\)")
_MAKES_CATCHES = re.compile(r"startsWith\(\s*[\"']__cxa_find_matching_catch")
_MARK = b"WebAssembly"


@dataclass(frozen=True, kw_only=True, slots=True)
class Glue:
    """What a script tells.

    Attributes:
        names: of its import object; None where it has none that can be read, as where names are minified.
        invokes: whether the loader makes what is called ``invoke_*``.
        catches: whether it makes what is called ``__cxa_find_matching_catch_*``.
    """

    names: frozenset[str] | None
    invokes: bool
    catches: bool


def read_glue(script: bytes) -> Glue | None:
    """What `script` hands to WebAssembly; None where it is no script of a main module."""
    if _MARK not in script:
        return None
    text = script.decode("utf-8", "replace")
    return Glue(
        names=_names(text),
        invokes=_MAKES_INVOKES.search(text) is not None,
        catches=_MAKES_CATCHES.search(text) is not None,
    )


def _names(text: str) -> frozenset[str] | None:
    """The names of the largest object of that kind."""
    found = [names for start in _OBJECT.finditer(text) if (names := _entries(text, start.end())) is not None]
    if not found:
        return None
    stand_ins = frozenset(_STAND_IN.findall(text))
    return frozenset(name for name, value in max(found, key=len).items() if value not in stand_ins)


def _entries(text: str, at: int) -> dict[str, str] | None:
    """Names and values of an object; None where it holds anything but those."""
    entries: dict[str, str] = {}
    while entry := _ENTRY.match(text, at):
        entries[entry[1]] = entry[2] or entry[1]
        at = entry.end()
        if entry[3] == "}":
            return entries
    return entries if _END.match(text, at) else None
