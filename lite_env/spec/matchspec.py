"""Match specs (CEP 29) taken apart without a solver: whose name, from which channel, with which constraint."""

from __future__ import annotations

import re

_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_NAMESPACE = re.compile(r"(?:[^\s:\[]*:){1,2}(?=[A-Za-z0-9_.-])")
_SUBDIR = re.compile(r"(noarch|emscripten-wasm32|wasi-wasm32|(linux|osx|win|freebsd|zos)-[a-z0-9]+)\Z")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")
MAX_LENGTH = 4096
"""Characters of a match spec: real ones have fewer than a hundred."""
MAX_PARENTHESES = 64
"""A solver reads them by recursion, and 5,000 of them end its process."""
_SUFFIXES = (".conda", ".tar.bz2")


def name_of(spec: str) -> str | None:
    """The name of the package that a match spec is about, in lower case; None where none can be found.

    ``conda-forge::NumPy >=1``, ``numpy[version='>=1']`` and ``https://host/c/noarch/numpy-1-0.conda`` are about
    ``numpy``.
    """
    text = spec.strip()
    if is_address(text):
        parts = split_file_name(text.partition("#")[0].partition("[")[0].rpartition("/")[2])
        return parts[0].lower() if parts else None
    match = split_channel(text)[2].strip()
    namespace = _NAMESPACE.match(match)
    name, _ = split_name(match[namespace.end() :] if namespace else match)
    return name.lower() or None


def beyond_bounds(spec: str) -> str | None:
    """Why no solver may be handed this match spec, in words that go on after it; None where it may."""
    if len(spec) > MAX_LENGTH:
        return f"has {len(spec):,} characters, where {MAX_LENGTH:,} are the most"
    if spec.count("(") > MAX_PARENTHESES:
        return f"has {spec.count('(')} parentheses, where {MAX_PARENTHESES} are the most"
    if not spec.isprintable():
        return "has a character that cannot be printed"
    return None


def split_name(match: str) -> tuple[str, str]:
    """A match spec without a channel, as its name (as it was written; perhaps empty) and the rest."""
    text = match.strip()
    found = _NAME.match(text)
    return (found[0], text[found.end() :].strip()) if found else ("", text)


def split_channel(text: str) -> tuple[str | None, str | None, str]:
    """Split ``channel::spec``, ``channel/subdir::spec`` and ``channel[subdir]::spec`` into channel, subdir, spec.

    A ``::`` in a spec's own brackets separates nothing.
    """
    place = _separator(text)
    if place is None:
        return None, None, text
    head, match = text[:place], text[place + 2 :]
    if not head:
        return None, None, match
    bracket = re.fullmatch(r"(.*)\[([^\]]*)\]", head)
    if bracket:
        return bracket[1], bracket[2], match
    channel, slash, subdir = head.rpartition("/")
    if slash and channel and _SUBDIR.match(subdir):
        return channel, subdir, match
    return head, None, match


def is_address(spec: str) -> bool:
    """Whether a dependency is the address of one package file and no match spec."""
    return bool(_ADDRESS.match(spec.strip())) and _separator(spec) is None


def split_file_name(file_name: str) -> tuple[str, str, str] | None:
    """Name, version and build out of ``numpy-1.25.2-py311_2.conda`` (CEP 26); None where that is no package's name."""
    suffix = next((suffix for suffix in _SUFFIXES if file_name.endswith(suffix)), None)
    parts = file_name.removesuffix(suffix or "").rsplit("-", 2)
    if suffix is None or len(parts) != 3 or not all(parts):  # noqa: PLR2004 - name, version, build
        return None
    return parts[0], parts[1], parts[2]


def _separator(text: str) -> int | None:
    """Where the ``::`` between channel and spec stands: the last one that is in no spec's brackets."""
    end = len(text)
    bracket = text.find("[")
    while bracket != -1:
        closed = text.find("]", bracket)
        # Only a subdir's brackets have the separator directly behind them; all others belong to the spec.
        if closed == -1 or not text.startswith("::", closed + 1):
            end = bracket
            break
        bracket = text.find("[", closed)
    place = text.rfind("::", 0, end)
    return None if place == -1 else place
