"""Looks for secrets in all that was written and said: also in what is compressed, and in names."""

from __future__ import annotations

import gzip
import io
import zipfile
from typing import TYPE_CHECKING

import zstandard

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.command_line import Ended

_ZSTD, _GZIP, _ZIP = b"\x28\xb5\x2f\xfd", b"\x1f\x8b", b"PK\x03\x04"


def leaks(folder: Path, secrets: Sequence[str], *ended: Ended, but: Sequence[str] = ()) -> list[str]:
    """Where one of `secrets` is to be read: in files below `folder`, their names, or what commands said.

    Args:
        folder: what was written.
        secrets: none of which may be there.
        ended: commands.
        but: names of the files in which people keep them.
    """
    found = [
        f"{secret} in what a command said" for each in ended for secret in secrets if secret in each.out + each.err
    ]
    for file in sorted(folder.rglob("*")):
        found += [f"{secret} in the name {file}" for secret in secrets if secret in str(file.relative_to(folder))]
        if file.is_file() and file.name not in but:
            for data in _layers(file.read_bytes()):
                found += [f"{secret} in {file}" for secret in secrets if secret.encode() in data]
    return found


def _layers(data: bytes) -> Iterator[bytes]:
    """A file as it is, and as it is when it is unpacked."""
    yield data
    if data.startswith(_ZSTD):
        yield from _layers(zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True).read())
    elif data.startswith(_GZIP):
        yield from _layers(gzip.decompress(data))
    elif data.startswith(_ZIP):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield from _layers(archive.read(name))
