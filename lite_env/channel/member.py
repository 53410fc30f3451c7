"""Reading archives: safe paths only, plain files only, and errors that name the archive and the member."""

from __future__ import annotations

import io
import tarfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from lite_env.errors import ChannelError

if TYPE_CHECKING:
    from collections.abc import Iterator

_EXECUTABLE = 0o111


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchivedFile:
    """One file out of an archive."""

    path: str
    data: bytes
    executable: bool


def unsafe_reason(path: str) -> str | None:
    """Why `path` cannot be a POSIX path below a folder on every system; None when it can."""
    if not path:
        return "it is empty"
    if "\\" in path or ":" in path or "\0" in path:
        return "it has a character that means something else on Windows"
    if path.startswith("/"):
        return "it is absolute"
    if any(part in ("", ".", "..") for part in path.split("/")):
        return "it has an empty part, `.` or `..`"
    return None


def read_archive(data: bytes | Path, *, name: str) -> Iterator[ArchivedFile]:
    """Every file of a zip or tar archive, in its order.

    Args:
        data: the archive, or its path.
        name: what messages call it.

    Raises:
        ChannelError: it is broken, or holds an unsafe path or something that is not a plain file.
    """
    stream = data.open("rb") if isinstance(data, Path) else io.BytesIO(data)
    with stream:
        is_zip = stream.read(2) == b"PK"
        stream.seek(0)
        try:
            yield from _read_zip(stream, name) if is_zip else _read_tar(stream, name)
        except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
            raise ChannelError(
                f"the archive {name} is broken: {error}",
                hint="its checksum is as the definition says, so the definition names the wrong file",
            ) from error


class SourceArchive:
    """Members of one source, read by path; open until `close`."""

    def __init__(self, data: bytes | Path, *, name: str, root: str) -> None:
        self._name = name
        self._root = f"{root}/" if root else ""
        self._files: dict[str, bytes] | None = None
        self._zip: zipfile.ZipFile | None = None
        self._data = data
        file = io.BytesIO(data) if isinstance(data, bytes) else data
        if zipfile.is_zipfile(file):
            self._zip = zipfile.ZipFile(file)
        else:
            # A tar has no table of contents: what it holds is kept.
            self._files = {file.path: file.data for file in read_archive(data, name=name)}

    def close(self) -> None:
        """Close the file."""
        if self._zip:
            self._zip.close()

    def read(self, member: str) -> bytes:
        """The content of `member`, a path below the source's root; an empty one is the source's file itself.

        Raises:
            ChannelError: there is no such member, or it is broken.
        """
        if not member:
            return self._data if isinstance(self._data, bytes) else self._data.read_bytes()
        path = f"{self._root}{member}"
        try:
            if self._zip:
                return self._zip.read(path)
            return (self._files or {})[path]
        except KeyError:
            raise ChannelError(
                f"the source {self._name} has no member {member}",
                hint="look at the source's root and at the spelling in the channel definition",
                expected=path,
            ) from None
        except (zipfile.BadZipFile, zlib.error, OSError, NotImplementedError) as error:
            raise ChannelError(f"the member {member} of the source {self._name} is broken: {error}") from error


def _read_zip(stream: io.BufferedIOBase, name: str) -> Iterator[ArchivedFile]:
    with zipfile.ZipFile(stream) as archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            _check(info.filename, name)
            mode = info.external_attr >> 16
            yield ArchivedFile(path=info.filename, data=archive.read(info), executable=bool(mode & _EXECUTABLE))


def _read_tar(stream: io.BufferedIOBase, name: str) -> Iterator[ArchivedFile]:
    with tarfile.open(fileobj=stream, mode="r:*") as archive:
        for info in archive:
            if info.isdir():
                continue
            _check(info.name, name)
            content = archive.extractfile(info) if info.isreg() else None
            if content is None:
                _refuse(info.name, name, "it is a link or a device, and only plain files are taken")
            yield ArchivedFile(path=info.name, data=content.read(), executable=bool(info.mode & _EXECUTABLE))


def _check(path: str, name: str) -> None:
    reason = unsafe_reason(path)
    if reason:
        _refuse(path, name, reason)


def _refuse(path: str, name: str, reason: str) -> NoReturn:
    raise ChannelError(f"the archive {name} holds {path!r}: {reason}", hint="this archive is not used for a package")
