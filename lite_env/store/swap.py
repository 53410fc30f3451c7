"""Putting a folder where another one stands: in one step where the system can, and never so that one is lost."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import stat
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from lite_env.store.removal import remove_tree

if TYPE_CHECKING:
    from collections.abc import Callable

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2  # Linux: renameat2(2)
_RENAME_SWAP = 2  # macOS: renamex_np(2)
_NOT_HERE = frozenset({errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP})
_OTHERS_WERE_FASTER = frozenset({errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST})
_NOTHING_THERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
_TURNS = 100


def put_folder(new: Path, path: Path) -> None:
    """Make the folder `new` the one at `path`, on the same file system; what stood there is removed.

    Linux and macOS exchange the two in one step, if the file system can: a reader sees the old one or the new one,
    and of several writers the last one wins. Where they cannot (Windows, some network file systems) the old folder
    is moved aside first, under a lock: a reader may find nothing for a moment. A process that ends in that moment
    leaves the old folder beside; `recover` puts it back, and every later call does that first.

    Raises:
        OSError: it cannot be done; what stood at `path` is there as before, or the error's notes say where it is.
    """
    for _ in range(_TURNS):
        try:
            there = _is_folder(path)
            if there is None:
                recover(path)
                there = _is_folder(path)
            if there is None:
                new.rename(path)
            elif not there:
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
            elif exchange(new, path):
                # Whatever stood there has the name of the new one now.
                remove_tree(new)
            else:
                _put_in_two_steps(new, path)
        except OSError as error:
            # Between the look and the deed another process put its folder there, or took it away.
            if error.errno not in _OTHERS_WERE_FASTER or not new.exists():
                raise
        else:
            return
    raise FileExistsError(errno.EEXIST, "others replace it all the time", str(path))


def _is_folder(path: Path) -> bool | None:
    """None where nothing is there. One look: between two another process may take it away for a moment."""
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except OSError as error:
        if error.errno not in _NOTHING_THERE:
            raise
        return None


def recover(path: Path) -> None:
    """Put back what a process left beside `path` that was ended while it replaced the folder in two steps."""
    aside = _aside(path)
    if not aside.exists():
        return
    with _lock(path):
        if not path.exists():
            aside.rename(path)
        else:
            remove_tree(aside)


def _put_in_two_steps(new: Path, path: Path) -> None:
    aside = _aside(path)
    with _lock(path):
        if not path.exists():
            # Whoever had the lock before was ended: what is aside is all that there is.
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        remove_tree(aside)
        path.rename(aside)
        try:
            new.rename(path)
        except BaseException as error:
            try:
                aside.rename(path)
            except OSError:
                error.add_note(f"what stood at '{path}' is at '{aside}'")
            raise
        remove_tree(aside)


def _aside(path: Path) -> Path:
    # By a digest: the name with an addition could be longer than file systems allow.
    digest = hashlib.sha256(os.fsencode(path.name)).hexdigest()
    return path.with_name(f".lite-env-{digest[:16]}.old")


def _lock(path: Path) -> FileLock:
    """Outside: a lock beside a user's output would be litter."""
    name = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:32]
    return FileLock(Path(tempfile.gettempdir()) / f"lite-env-{name}.lock")


def exchange(one: Path, other: Path) -> bool:
    """Exchange what two paths name, in one step; False where this system or file system cannot.

    Raises:
        OSError: one of them is not there, or may not be renamed.
    """
    function = _exchanger()
    if function is None:
        return False
    number = function(os.fsencode(one), os.fsencode(other))
    if number in _NOT_HERE:
        return False
    if number:
        raise OSError(number, os.strerror(number), str(one), None, str(other))
    return True


@cache
def _exchanger() -> Callable[[bytes, bytes], int] | None:
    """The system's function, which answers 0 or an errno; None where it has none."""
    if sys.platform == "win32":
        return None
    library = ctypes.CDLL(None, use_errno=True)
    name, before, between, flag = (
        ("renamex_np", (), (), _RENAME_SWAP)
        if sys.platform == "darwin"
        else ("renameat2", (_AT_FDCWD,), (_AT_FDCWD,), _RENAME_EXCHANGE)
    )
    try:
        rename = library[name]
    except AttributeError:
        return None
    kinds = [ctypes.c_int] * len(before) + [ctypes.c_char_p] + [ctypes.c_int] * len(between) + [ctypes.c_char_p]
    rename.argtypes = [*kinds, ctypes.c_uint]

    def call(one: bytes, other: bytes) -> int:
        return ctypes.get_errno() if rename(*before, one, *between, other, flag) else 0

    return call
