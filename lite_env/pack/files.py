"""The one way to open a file of a pack: below its folder, through no link, a regular file, of a bounded size."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from lite_env.errors import ManifestError
from lite_env.pack.path import is_safe_path
from lite_env.store.refusals import is_absence, refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
# Not to block, should a FIFO take the place of what was looked at just before.
_FILE = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_COPY = "a pack holds nothing but folders and regular files: copy it again, or pack again"


@contextmanager
def open_pack_file(pack: Path, path: str) -> Iterator[BinaryIO]:
    """Open a file of the pack in the folder `pack`, to be read.

    No part of `path` may be a symbolic link: what a pack of a stranger names must be what lies in it, and not a file of
    this machine. FIFOs and devices are never opened.

    Args:
        pack: the pack's folder; it may itself be reached through links.
        path: relative, with ``/``, as the manifest names it.

    Raises:
        ManifestError: the file is not there, cannot be read, or is no regular file of the pack.
    """
    if not is_safe_path(path):
        raise ManifestError(f"'{path}' is no path inside a pack", hint=_COPY, file=path)
    try:
        descriptor = _open_below(pack, path)
    except OSError as error:
        if not is_absence(error):
            raise refusal(ManifestError, f"'{path}' of the pack cannot be read", error, file=pack / path) from error
        raise ManifestError(
            f"the pack lacks '{path}'", hint="it was not copied completely", file=path, reason=error.strerror
        ) from error
    with os.fdopen(descriptor, "rb") as stream:
        yield stream


def read_pack_file(pack: Path, path: str, *, limit: int) -> bytes:
    """The content of a file of the pack, of at most `limit` bytes.

    Raises:
        ManifestError: as `open_pack_file`, or the file is larger.
    """
    with open_pack_file(pack, path) as stream:
        size = os.fstat(stream.fileno()).st_size
        if size > limit:
            raise ManifestError(
                f"'{path}' has {size} bytes, more than the {limit} that it may have",
                hint="the pack is damaged or was not made by lite-env: pack again",
                file=path,
            )
        try:
            return stream.read(limit + 1)
        except OSError as error:
            raise refusal(ManifestError, f"'{path}' of the pack cannot be read", error, file=pack / path) from error


def pack_file_size(pack: Path, path: str) -> int:
    """Bytes of a file of the pack, opened as `open_pack_file` does.

    Raises:
        ManifestError: as `open_pack_file`.
    """
    with open_pack_file(pack, path) as stream:
        return os.fstat(stream.fileno()).st_size


def refuse_foreign_files(pack: Path, paths: Iterable[str]) -> None:
    """Refuse a pack of which a file is none, for programs that open its files by their names.

    A file that is not there is left to whoever asks for it.

    Raises:
        ManifestError: as `open_pack_file`, but for what is not there.
    """
    for path in paths:
        try:
            with open_pack_file(pack, path):
                pass
        except ManifestError as error:
            if not (isinstance(error.__cause__, OSError) and is_absence(error.__cause__)):
                raise


def _open_below(pack: Path, path: str) -> int:
    *folders, name = path.split("/")
    if os.open not in os.supports_dir_fd:
        return _open_by_name(pack, folders, name)
    at = os.open(pack, _FOLDER & ~getattr(os, "O_NOFOLLOW", 0))
    try:
        for folder in folders:
            _refuse_link(os.stat(folder, dir_fd=at, follow_symlinks=False), path)
            below = os.open(folder, _FOLDER, dir_fd=at)
            os.close(at)
            at = below
        looked = os.stat(name, dir_fd=at, follow_symlinks=False)
        _check_regular(looked, path)
        return _same(os.open(name, _FILE, dir_fd=at), looked, path)
    finally:
        os.close(at)


def _open_by_name(pack: Path, folders: list[str], name: str) -> int:
    """The same where files cannot be opened relative to a folder (Windows): who changes the pack meanwhile may win."""
    at = pack
    for folder in folders:
        at /= folder
        _refuse_link(at.lstat(), "/".join((*folders, name)))
    looked = (at / name).lstat()
    _check_regular(looked, "/".join((*folders, name)))
    return _same(os.open(at / name, _FILE), looked, "/".join((*folders, name)))


def _refuse_link(status: os.stat_result, path: str) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise ManifestError(f"'{path}' of the pack is, or lies behind, a symbolic link", hint=_COPY, file=path)


def _check_regular(status: os.stat_result, path: str) -> None:
    _refuse_link(status, path)
    if not stat.S_ISREG(status.st_mode):
        raise ManifestError(f"'{path}' of the pack is not a regular file", hint=_COPY, file=path)


def _same(descriptor: int, looked: os.stat_result, path: str) -> int:
    """`descriptor`, when it is what was looked at before it was opened."""
    found = os.fstat(descriptor)
    if (found.st_dev, found.st_ino, stat.S_IFMT(found.st_mode)) != (looked.st_dev, looked.st_ino, stat.S_IFREG):
        os.close(descriptor)
        raise ManifestError(f"'{path}' of the pack changed while it was opened", hint=_COPY, file=path)
    return descriptor
