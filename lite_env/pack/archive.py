"""Tar inside zstd, byte for byte the same wherever and whenever it is made.

USTAR headers (POSIX.1-1988); a PAX header in front (POSIX.1-2001) only for a name or link target that USTAR cannot
hold. Written by hand, because an archive's digest is its name: it must not follow what a Python version's ``tarfile``
happens to write.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import zstandard

from lite_env.errors import PackError
from lite_env.pack.limits import MAX_RAW_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BLOCK = 512
END_OF_ARCHIVE = 2 * BLOCK
_NAME_LENGTH = 100
_PREFIX_LENGTH = 155
_FILE, _LINK, _PAX = b"0", b"2", b"x"
_MODE_FILE, _MODE_EXECUTABLE, _MODE_LINK = 0o644, 0o755, 0o777
_CHECKSUM = slice(148, 156)


class Frame(NamedTuple):
    """The form of a compressed file, which decides about its bytes as the level does."""

    content_size: bool = True
    checksum: bool = True
    threads: int = 0  # more would change the bytes


FRAME = Frame()


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One entry of an archive: a file, or a symbolic link when `link` is its target.

    Attributes:
        path: prefix-relative, POSIX.
        size: bytes of the body; 0 for a link.
    """

    path: str
    size: int
    executable: bool = False
    link: str | None = None


def tar_offsets(entries: Sequence[Entry]) -> tuple[tuple[int, ...], int]:
    """Where each entry's body begins in the tar that `build_tar` makes, and the size of the whole tar, in bytes."""
    offsets = []
    at = 0
    for entry in entries:
        offsets.append(at + _header_size(entry))
        at += entry_size(entry)
    return tuple(offsets), at + END_OF_ARCHIVE


def entry_size(entry: Entry) -> int:
    """Bytes that an entry takes in a tar, header and padding included."""
    return _header_size(entry) + _padded(entry.size)


def build_tar(entries: Sequence[Entry], body: Callable[[Entry], bytes]) -> bytes:
    """The tar of `entries` in their order; `body` gives a file's content.

    Raises:
        PackError: a file's content is not of the size that was planned.
    """
    parts = []
    for entry in entries:
        parts.append(_headers(entry))
        if entry.link is None:
            content = body(entry)
            if len(content) != entry.size:
                raise PackError(
                    f"'{entry.path}' changed while it was packed: {entry.size} bytes before, {len(content)} now",
                    hint="pack again when nothing writes into the environment",
                    file=entry.path,
                )
            parts += [content, bytes(_padded(entry.size) - entry.size)]
    parts.append(bytes(END_OF_ARCHIVE))
    return b"".join(parts)


def compress(raw: bytes, level: int) -> bytes:
    """One zstd frame of the form `FRAME`."""
    compressor = zstandard.ZstdCompressor(
        level=level, write_content_size=FRAME.content_size, write_checksum=FRAME.checksum, threads=FRAME.threads
    )
    return compressor.compress(raw)


def compressor_version() -> str:
    """The version of the zstd library in use, which decides about the compressed bytes."""
    return ".".join(map(str, zstandard.ZSTD_VERSION))


def _padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK


def _headers(entry: Entry) -> bytes:
    name, link, extended = _names(entry)
    mode = _MODE_EXECUTABLE if entry.executable else _MODE_FILE
    kind, size = _FILE, entry.size
    if entry.link is not None:
        mode, kind, size = _MODE_LINK, _LINK, 0
    header = _header(name, link, mode, size, kind)
    if not extended:
        return header
    padding = bytes(_padded(len(extended)) - len(extended))
    return _header((b"", b"././@PaxHeader"), b"", _MODE_FILE, len(extended), _PAX) + extended + padding + header


def _header_size(entry: Entry) -> int:
    """Bytes of `_headers`, which need not be made for it."""
    _, _, extended = _names(entry)
    return 2 * BLOCK + _padded(len(extended)) if extended else BLOCK


def _names(entry: Entry) -> tuple[tuple[bytes, bytes], bytes, bytes]:
    # Far below what the eleven octal digits of a header hold.
    if entry.size > MAX_RAW_SIZE:
        raise PackError(
            f"'{entry.path}' has {entry.size} bytes: no browser could open it",
            hint="drop it with a filter",
            file=entry.path,
        )
    return _ustar_names(entry.path, entry.link)


@lru_cache(maxsize=1 << 16)
def _ustar_names(path: str, target: str | None) -> tuple[tuple[bytes, bytes], bytes, bytes]:
    """USTAR's name and link of an entry, and the PAX records of what USTAR cannot hold."""
    fields: dict[str, str] = {}
    name = _split_name(path)
    if name is None:
        fields["path"] = path
        name = (b"", _fallback(path))
    link = b"" if target is None else target.encode()
    if len(link) > _NAME_LENGTH or not link.isascii():
        fields["linkpath"] = target or ""
        link = _fallback(target or "")
    return name, link, b"".join(_pax_record(key, fields[key]) for key in sorted(fields))


def _split_name(path: str) -> tuple[bytes, bytes] | None:
    """USTAR's (prefix, name) of a path; None where it does not fit."""
    encoded = path.encode()
    if not encoded.isascii():
        return None
    if len(encoded) <= _NAME_LENGTH:
        return b"", encoded
    # The name takes as much as it can hold, so that there is one way to split only.
    slash = encoded.find(b"/", len(encoded) - _NAME_LENGTH - 1)
    if slash <= 0 or slash > _PREFIX_LENGTH or slash == len(encoded) - 1:
        return None
    return encoded[:slash], encoded[slash + 1 :]


def _fallback(text: str) -> bytes:
    # Read only by tools that know no PAX; any ASCII will do.
    return text.encode("ascii", "replace").replace(b"?", b"_")[-_NAME_LENGTH:]


def _pax_record(key: str, value: str) -> bytes:
    r"""``"%d %s=%s\n"``, the number counting itself (POSIX.1-2001, pax Extended Header)."""
    rest = f" {key}={value}\n".encode()
    length = len(rest)
    while len(str(length)) + len(rest) != length:
        length = len(str(length)) + len(rest)
    return str(length).encode() + rest


def _header(name: tuple[bytes, bytes], link: bytes, mode: int, size: int, kind: bytes) -> bytes:
    prefix, base = name
    block = bytearray(
        base.ljust(_NAME_LENGTH, b"\0")
        + b"%07o\0" % mode
        + b"%07o\0" % 0  # owner
        + b"%07o\0" % 0  # group
        + b"%011o\0" % size
        + b"%011o\0" % 0  # time
        + b" " * 8  # checksum, counted as blanks
        + kind
        + link.ljust(_NAME_LENGTH, b"\0")
        + b"ustar\x0000"
        + bytes(32)  # owner's name
        + bytes(32)  # group's name
        + b"%07o\0" % 0  # device, major
        + b"%07o\0" % 0  # device, minor
        + prefix.ljust(_PREFIX_LENGTH, b"\0")
        + bytes(12)
    )
    block[_CHECKSUM] = b"%06o\0 " % sum(block)
    return bytes(block)
