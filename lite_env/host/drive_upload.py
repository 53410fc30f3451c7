"""Files that come in pieces: what has come waits in a file without a name, until the last piece is there."""

from __future__ import annotations

import mmap
import tempfile
import weakref
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Annotated

import msgspec

from lite_env.errors import DriveError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_UPLOADS = 8
"""Files that may be under way at once; of more, the one whose last piece is the oldest is given up."""


class UploadPiece(msgspec.Struct, frozen=True, kw_only=True):
    """Where a piece belongs.

    Attributes:
        upload: a name that no other upload has.
        offset: bytes that went before.
        size: bytes of the whole file.
    """

    upload: Annotated[str, msgspec.Meta(max_length=100)]
    offset: Annotated[int, msgspec.Meta(ge=0)]
    size: Annotated[int, msgspec.Meta(ge=0)]


class Uploads:
    """The uploads of a drive. Not safe for threads: the drive does one request after the other."""

    def __init__(self) -> None:
        """Begin without any."""
        self._files: dict[str, IO[bytes]] = {}
        self._owners: dict[str, str | None] = {}
        weakref.finalize(self, _close, self._files)

    @contextmanager
    def add(
        self, piece: UploadPiece, content: bytes, folder: Path, *, owner: str | None = None
    ) -> Iterator[memoryview | None]:
        """Add a piece; with the last one the whole content is given, until the block ends.

        Args:
            piece: where it belongs.
            content: its bytes.
            folder: where the file will be, so that its disk has room for what waits.
            owner: who sends one file at a time, so that of one before nothing more comes; None where nobody is told.

        Raises:
            DriveError: it does not follow what has come, or is more than was told.
        """
        stream = self._pop(piece.upload)
        self.drop(owner)
        if piece.offset == 0:
            if stream is not None:
                stream.close()
            stream = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - open until the last piece is there
        end = piece.offset + len(content)
        if stream is None or stream.tell() != piece.offset or end > piece.size:
            if stream is not None:
                stream.close()
            raise DriveError("EINVAL", "a piece of the file is missing: it is to be sent again from the beginning")
        try:
            stream.write(content)
            stream.flush()
        except OSError:
            stream.close()
            raise
        if end < piece.size:
            self._keep(piece.upload, stream, owner)
            yield None
            return
        with stream:
            yield from _whole(stream, piece.size)

    def drop(self, owner: str | None) -> None:
        """Nothing more comes of what `owner` has begun."""
        for upload in [name for name, whose in self._owners.items() if owner is not None and whose == owner]:
            self.give_up(upload)

    def _keep(self, upload: str, stream: IO[bytes], owner: str | None) -> None:
        self._files[upload] = stream
        self._owners[upload] = owner
        while len(self._files) > MAX_UPLOADS:
            self.give_up(next(iter(self._files)))

    def give_up(self, upload: str) -> None:
        """Nothing more comes of that one; it may have ended already."""
        stream = self._pop(upload)
        if stream is not None:
            stream.close()

    def _pop(self, upload: str) -> IO[bytes] | None:
        self._owners.pop(upload, None)
        return self._files.pop(upload, None)


def _close(files: dict[str, IO[bytes]]) -> None:
    for stream in files.values():
        stream.close()


def _whole(stream: IO[bytes], size: int) -> Iterator[memoryview]:
    if size == 0:
        yield memoryview(b"")
        return
    with mmap.mmap(stream.fileno(), size, access=mmap.ACCESS_READ) as mapped, memoryview(mapped) as view:
        yield view
