"""The one reader of text that strangers wrote: JSON and TOML here, YAML in :mod:`lite_env.store.yaml_text`.

A small text can ask for much: brackets that nest deeper than any stack, a number whose digits take minutes to read, an
alias that stands for a million nodes, a file that never ends. Each reader here has bounds that no honest file comes
near, and what is beyond them, like what is not of the format at all, is an error of the caller's own class.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import SplitResult, urlsplit

import msgspec

from lite_env.store.typed import known

if TYPE_CHECKING:
    from pathlib import Path

    from lite_env.errors import LiteEnvError

T = TypeVar("T")

MAX_BYTES = 64 << 20
"""Bytes of one file: the record of a package of 100,000 files has half of it."""
MAX_DEPTH = 100
"""Lists in lists: real files have fewer than ten."""
MAX_DIGITS = 20
"""Digits of a whole number: those of 2**64."""
MAX_VALUES = 3_000_000
"""Values in one document; Python needs about a hundred bytes for each."""
MAX_SHOWN = 200
"""Characters of a stranger's text in a message."""

_MIB = 1 << 20
_SURROGATE_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<lone>u[dD][89a-fA-F])|.)",
    re.DOTALL,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Whose text it is, and what its faults become.

    Attributes:
        what: what the text is, as a message begins: ``the profile``.
        error: the class that every fault is raised as.
        file: where it stands, for the errors' context.
        hint: what to do about a text that cannot be read.
        max_bytes: of the text.
    """

    what: str
    error: type[LiteEnvError]
    file: str | None = None
    hint: str | None = None
    max_bytes: int = MAX_BYTES

    def fault(self, problem: str, *, hint: str | None = None, line: int | None = None) -> LiteEnvError:
        """The error for a fault: `problem` goes on after `what`, as in ``is not JSON``."""
        return self.error(f"{self.what} {problem}", hint=hint or self.hint, file=self.file, line=line)

    def refuse_size(self, size: int) -> None:
        """Refuse a text of more than `max_bytes`."""
        if size > self.max_bytes:
            raise self.fault(f"is larger than {_in_mib(self.max_bytes)}, which no such file is")


def read_bounded(path: Path, origin: Origin) -> bytes:
    """The content of a file that need not end.

    Raises:
        LiteEnvError: of `origin`'s class, when it is larger than `origin` allows.
        OSError: it cannot be read; the caller knows what that means.
    """
    with path.open("rb") as file:
        data = file.read(origin.max_bytes + 1)
    origin.refuse_size(len(data))
    return data


def decode_text(data: bytes, origin: Origin) -> str:
    """UTF-8 as text, without the byte order mark that some editors write.

    Raises:
        LiteEnvError: of `origin`'s class, when it is not UTF-8; with the line.
    """
    origin.refuse_size(len(data))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise origin.fault("is not UTF-8 text", hint=origin.hint or "save it as UTF-8", line=line) from error


def parse_json(text: bytes | str, origin: Origin, *, nan: bool = False) -> Any:  # noqa: ANN401 - any JSON value
    """The value of a JSON text.

    Args:
        text: the whole of it.
        origin: what its faults become.
        nan: whether to take the ``NaN`` that Python writes: notebooks have it.

    Raises:
        LiteEnvError: of `origin`'s class, when it is not JSON or is beyond a bound.
    """
    text = decode_text(text, origin) if isinstance(text, bytes) else text
    origin.refuse_size(len(text))
    if sum(map(text.count, ",[{")) > MAX_VALUES:
        raise origin.fault(f"has more than {MAX_VALUES:,} values, which no such file has")
    try:
        value = json.loads(
            text, parse_int=_bounded_int, parse_float=_finite, parse_constant=float if nan else _no_constant
        )
    except json.JSONDecodeError as error:
        raise origin.fault(f"is not JSON: {error.msg}", line=error.lineno) from error
    except RecursionError as error:
        raise _too_deep(origin) from error
    except _RefusedError as error:
        raise origin.fault(f"has {error}") from error
    _refuse_deep(value, origin)
    _refuse_lone_surrogates(text, origin)
    return value


def convert(value: Any, type_: type[T], origin: Origin) -> T:  # noqa: ANN401 - what `parse_json` returns
    """The JSON value as a value of `type_`.

    Raises:
        LiteEnvError: of `origin`'s class, when it does not fit; with the path to the fault.
    """
    try:
        return msgspec.convert(value, known(type_))
    except (msgspec.ValidationError, OverflowError) as error:
        raise origin.fault(f"is malformed: {error}") from error


def parse_toml(text: bytes | str, origin: Origin) -> dict[str, Any]:
    """The table of a TOML text.

    Raises:
        LiteEnvError: of `origin`'s class, when it is not TOML or is beyond a bound.
    """
    text = decode_text(text, origin) if isinstance(text, bytes) else text
    origin.refuse_size(len(text))
    try:
        table = tomllib.loads(text, parse_float=_finite_or_named)
    except RecursionError as error:
        raise _too_deep(origin) from error
    except ValueError as error:
        # Also what is no TOMLDecodeError: a number of 5,000 digits, a day that no month has.
        raise origin.fault(f"is not TOML: {error}") from error
    except _RefusedError as error:
        raise origin.fault(f"has {error}") from error
    _refuse_deep(table, origin)
    _refuse_long_numbers(table, origin)
    return table


def shown(text: str) -> str:
    """A stranger's text as a message shows it: not more than a line or two of it."""
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}… ({len(text):,} characters)"


def split_url(text: str) -> SplitResult:
    """The parts of a URL.

    Raises:
        ValueError: it is none: brackets that do not close, a port that there is not, a character that cannot be
            printed. The message does not repeat the URL: it may hold a password.
    """
    if not text.isprintable():
        msg = "it has a character that cannot be printed"
        raise ValueError(msg)
    try:
        parts = urlsplit(text)
        _ = parts.port, parts.hostname
    except ValueError as error:
        # Its own words repeat what it could not read.
        msg = "its host or its port cannot be read"
        raise ValueError(msg) from error
    return parts


class _RefusedError(Exception):
    """What is beyond a bound; `str` goes on after "has"."""


def _bounded_int(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_DIGITS:
        msg = f"a number of {len(digits):,} digits, where {MAX_DIGITS} are the most"
        raise _RefusedError(msg)
    return int(digits)


def _no_constant(name: str) -> float:
    msg = f"{name}, which is no number in JSON"
    raise _RefusedError(msg)


def _finite(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        msg = f"the number {shown(digits)}, which is beyond every number that can be kept"
        raise _RefusedError(msg)
    return value


def _finite_or_named(digits: str) -> float:
    # TOML can say what infinity is.
    return float(digits) if digits.lstrip("+-") in ("inf", "nan") else _finite(digits)


def _too_deep(origin: Origin) -> LiteEnvError:
    return origin.fault(f"is nested more than {MAX_DEPTH} deep, which no such file is")


def _refuse_deep(value: object, origin: Origin) -> None:
    # Level by level: what walks over the value later may do so by recursion.
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(MAX_DEPTH):
        if not level:
            return
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
    if level:
        raise _too_deep(origin)


def _refuse_lone_surrogates(text: str, origin: Origin) -> None:
    """Refuse halves of a pair of surrogates, which nothing can write down again as UTF-8."""
    if "\\u" not in text:
        return
    for found in _SURROGATE_ESCAPE.finditer(text):
        if found["lone"]:
            line = text.count("\n", 0, found.start()) + 1
            half = text[found.start() : found.start() + 6]
            raise origin.fault(f"has half of a pair of surrogates in a text: {half}", line=line)


def _refuse_long_numbers(table: dict[str, Any], origin: Origin) -> None:
    waiting: list[Any] = [table]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, int) and abs(value) >= 10**MAX_DIGITS:
            raise origin.fault(f"has a number of more than {MAX_DIGITS} digits")


def _in_mib(size: int) -> str:
    return f"{size // _MIB} MiB" if size >= _MIB else f"{size:,} bytes"
