"""SHA-256 of bytes and files, as lower-case hex: the one identity used everywhere."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from pathlib import Path

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


def sha256_of_bytes(data: bytes | memoryview) -> str:
    """SHA-256 of `data`, 64 lower-case hex digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_of_file(path: Path) -> str:
    """SHA-256 of a file's content, read in pieces."""
    with path.open("rb") as stream:
        return sha256_of_stream(stream)


def sha256_of_stream(stream: BinaryIO) -> str:
    """SHA-256 of what is left of a file, read in pieces."""
    # What the standard library's type for it leaves out, every file that is opened for reading has.
    return hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]


def is_sha256(text: str) -> bool:
    """Whether `text` is written as a SHA-256: 64 lower-case hex digits."""
    return _SHA256.match(text) is not None
