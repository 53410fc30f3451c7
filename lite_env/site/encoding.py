"""Content codings: which one a client takes, and files encoded once and kept."""

from __future__ import annotations

import gzip
import importlib.metadata
import importlib.util
import threading
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lite_env.store.digest import sha256_of_bytes
from lite_env.store.protocol import FORGETFUL, key_of
from lite_env.store.results import find_result, keep_result

if TYPE_CHECKING:
    from lite_env.store.protocol import Store

Coding = Literal["br", "gzip"]

_SUFFIXES = frozenset({".css", ".data", ".html", ".js", ".json", ".mjs", ".svg", ".wasm"})
_SMALLEST = 1024  # bytes: below, a coding saves nothing that could be noticed
# The last quarter of what is to be gained costs ten times the time, while somebody waits for the first start.
_GZIP_LEVEL = 6
_BROTLI_QUALITY = 6


def known_codings() -> tuple[Coding, ...]:
    """The codings that can be made here, the best first: brotli only where the library `brotli` is installed."""
    return ("br", "gzip") if importlib.util.find_spec("brotli") else ("gzip",)


def is_worth_encoding(path: str, size: int) -> bool:
    """Whether a file of this name and of `size` bytes gets smaller; archives are compressed already."""
    return size >= _SMALLEST and Path(path).suffix.lower() in _SUFFIXES


def choose_coding(accepted: str, known: tuple[Coding, ...]) -> Coding | None:
    """The first of `known` that the header Accept-Encoding allows (RFC 9110, 12.5.3); None to send the file itself."""
    allowed: dict[str, bool] = {}
    for item in accepted.lower().split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        allowed[name] = not any(_is_zero(parameter) for parameter in parameters)
    return next((coding for coding in known if allowed.get(coding, allowed.get("*", False))), None)


def encode(data: bytes, coding: Coding) -> bytes:
    """`data` in a coding; the same bytes every time."""
    if coding == "gzip":
        return gzip.compress(data, _GZIP_LEVEL, mtime=0)
    import brotli  # noqa: PLC0415 - it may not be installed

    return bytes(brotli.compress(data, quality=_BROTLI_QUALITY))


@dataclass(frozen=True, kw_only=True, slots=True)
class EncodedFiles:
    """Encoded forms of files, kept in a store under what they were made of and how."""

    store: Store = FORGETFUL
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self, data: bytes, coding: Coding) -> bytes:
        """`data` in a coding; it is made if needed."""
        key = key_of("encoded", coding, _settings(coding), sha256_of_bytes(data))
        # One after the other: a browser asks for script and module at once, and twice the work is no faster.
        with self._lock:
            encoded = find_result(self.store, key)
            if encoded is None:
                encoded = encode(data, coding)
                keep_result(self.store, key, encoded)
        return encoded


def _settings(coding: Coding) -> list[str | int]:
    """What decides the encoded bytes besides the data."""
    if coding == "gzip":
        return [_GZIP_LEVEL, zlib.ZLIB_RUNTIME_VERSION]
    return [_BROTLI_QUALITY, importlib.metadata.version("brotli")]


def _is_zero(parameter: str) -> bool:
    name, _, value = parameter.partition("=")
    return name.strip() == "q" and value.strip().strip("0.") == ""
