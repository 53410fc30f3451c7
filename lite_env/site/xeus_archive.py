"""A package as jupyterlite-xeus unpacks it: tar inside gzip, equal bytes from equal files.

Its unpacker (libarchive, built for WebAssembly) knows no character set: at a name of a PAX header that is not ASCII it
stops without an error, and what comes behind is missing. Names in the plain header, and in GNU's for long ones, it
takes as the bytes that they are. Of symbolic links it keeps those to a file of the same archive, so there are none.
"""

from __future__ import annotations

import struct
import tarfile
import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from lite_env.errors import PackError
from lite_env.store.digest import sha256_of_bytes
from lite_env.store.protocol import key_of
from lite_env.store.results import find_result, keep_result

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lite_env.store.protocol import Store

LEVEL = 9
_MODE_FILE, _MODE_EXECUTABLE = 0o644, 0o755
# No name, no time, the best compression, an unknown system: what gzip writes must not follow the machine.
_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """A file of an archive.

    Attributes:
        path: where it comes to lie, below ``/``.
        size: bytes.
        source: what is read for it; None where `content` is known.
    """

    path: str
    size: int
    executable: bool = False
    source: Path | None = None
    content: bytes = b""

    def read(self) -> bytes:
        """What it holds.

        Raises:
            PackError: it is not as large as it was.
        """
        data = self.content if self.source is None else self.source.read_bytes()
        if len(data) != self.size:
            raise PackError(
                f"'{self.path}' changed while it was packed: {self.size} bytes before, {len(data)} now",
                hint="pack again when nothing writes into the environment",
                file=self.path,
            )
        return data


def made(path: str, content: bytes) -> Member:
    """A file that is written for the archive."""
    return Member(path=path, size=len(content), content=content)


def archive_of(members: Sequence[Member], store: Store) -> bytes:
    """The archive of `members`, in their order; out of `store` where the same was compressed before.

    Raises:
        PackError: a file changed meanwhile.
    """
    raw = _tar_of(members)
    key = key_of("xeus", sha256_of_bytes(raw), zlib.ZLIB_RUNTIME_VERSION, LEVEL)
    data = find_result(store, key)
    if data is None:
        data = _gzip(raw)
        keep_result(store, key, data)
    return data


def _tar_of(members: Sequence[Member]) -> bytes:
    stream = BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT, encoding="utf-8") as tar:
        for member in members:
            entry = tarfile.TarInfo(member.path)
            entry.size = member.size
            entry.mode = _MODE_EXECUTABLE if member.executable else _MODE_FILE
            tar.addfile(entry, BytesIO(member.read()))
    return stream.getvalue()


def _gzip(raw: bytes) -> bytes:
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = packer.compress(raw) + packer.flush()
    return _GZIP_HEADER + body + struct.pack("<II", zlib.crc32(raw), len(raw) & 0xFFFFFFFF)
