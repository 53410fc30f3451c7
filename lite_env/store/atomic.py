"""Writing that leaves either the old file or the whole new one, never a half.

What is not complete yet has a name of ours beside its place, and is locked by the process that writes it: so the next
run can tell what a killed one left from what another one is writing at the moment, and removes it. Where a system or a
file system has no such locks (Windows, some network file systems) it stays.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from lite_env.errors import LiteEnvError
from lite_env.store.removal import remove_tree
from lite_env.store.swap import put_folder, recover

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_UNFINISHED = re.compile(r"\.lite-env-[0-9a-f]{16}\.part\Z")
_USUAL_MODE = 0o666  # less what the umask takes
_NEW_FILE = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_ATTEMPTS = 100
# Of writing into an open file: the system does not say which one.
_WHILE_WRITING = frozenset({errno.ENOSPC, errno.EFBIG, errno.EIO, getattr(errno, "EDQUOT", errno.ENOSPC)})


def write_bytes(path: Path, data: bytes | memoryview, *, durable: bool = False, mode: int | None = None) -> None:
    """Replace `path` by `data` in one step; its folder is made if needed.

    Args:
        path: where to write.
        data: the whole new content.
        durable: as of `new_file`.
        mode: as of `new_file`.
    """
    with new_file(path, durable=durable, mode=mode) as stream:
        stream.write(data)


@contextmanager
def new_file(path: Path, *, durable: bool = False, mode: int | None = None) -> Iterator[IO[bytes]]:
    """A file to write to, which takes the place of `path` in one step when the block ends without an error.

    A symbolic link stays, and what it points to is replaced. What is no file (``/dev/stdout``, a pipe) is written to.

    Args:
        path: where to write; its folder is made if needed.
        durable: also wait until the bytes are on disk (lock files, manifests).
        mode: permission bits of the new file; by default those that the umask gives.
    """
    if _is_special(path):
        with path.open("wb") as stream:
            yield stream
        return
    target = _behind_links(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    remove_unfinished(target.parent)

    def make(new: Path) -> int:
        # The system applies the umask: to read it, a program has to change it for all its threads.
        return os.open(new, _NEW_FILE, _USUAL_MODE if mode is None else mode)

    with _claimed(target, make) as claim:
        with os.fdopen(os.dup(claim.handle), "wb") as stream:
            yield stream
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
        if mode is not None:
            claim.path.chmod(mode)
        if fcntl is None:
            claim.close()  # Windows renames no open file
        claim.path.replace(target)


def write_text(path: Path, text: str, *, durable: bool = False) -> None:
    """Replace `path` by `text` in one step: UTF-8, line ends as they are in `text`."""
    write_bytes(path, text.encode(), durable=durable)


@contextmanager
def new_directory(path: Path) -> Iterator[Path]:
    """Fill a folder beside `path` that takes its place when the block ends without an error.

    What stood at `path` before is there until then, see `put_folder`. A symbolic link stays, and the folder that it
    points to is replaced.
    """
    target = _behind_links(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    recover(target)
    remove_unfinished(target.parent)
    with _claimed(target, _make_folder) as claim:
        yield claim.path
        put_folder(claim.path, target)


def replace_directory(staging: Path, path: Path) -> None:
    """Rename the folder `staging` to `path`, on the same file system; what stood there is removed, see `put_folder`."""
    put_folder(staging, _behind_links(path))


def remove_unfinished(folder: Path) -> None:
    """Remove what killed processes were writing into `folder`; what a living one writes at the moment stays."""
    if fcntl is None:
        return
    with suppress(OSError):
        for name in os.listdir(folder):  # noqa: PTH208 - names alone, at each writing
            if is_unfinished(name):
                _remove_unless_held(folder / name)


def is_unfinished(name: str) -> bool:
    """Whether something is called as what is not complete yet."""
    return _UNFINISHED.match(name) is not None


def _remove_unless_held(path: Path) -> None:
    with suppress(OSError):
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(path)
        finally:
            os.close(handle)


class _Claim:
    """Something unfinished, and the handle that locks it."""

    def __init__(self, path: Path, handle: int) -> None:
        self.path = path
        self.handle = handle
        self._open = True

    def close(self) -> None:
        """Give up the lock."""
        if self._open:
            self._open = False
            os.close(self.handle)


@contextmanager
def _claimed(target: Path, make: Callable[[Path], int | None]) -> Iterator[_Claim]:
    """What `make` makes under an unfinished name beside `target`, locked until the block ends; by then it was renamed.

    An error names `target`, as the caller knows it.
    """
    try:
        claim = _claim(target.parent, make)
    except OSError as error:
        if isinstance(error.filename, str):
            error.filename = str(target)
        raise
    try:
        yield claim
    except OSError as error:
        _name_target(error, claim.path, target)
        raise
    except LiteEnvError as error:
        error.hide(lambda text: text.replace(claim.path.name, target.name))
        raise
    finally:
        with suppress(OSError):
            _remove(claim.path)
        claim.close()


def _claim(folder: Path, make: Callable[[Path], int | None]) -> _Claim:
    for _ in range(_ATTEMPTS):
        path = folder / f".lite-env-{secrets.token_hex(8)}.part"
        handle = make(path)
        if handle is not None and _hold(path, handle):
            return _Claim(path, handle)
        # Between making and locking it another process took it for a killed one's.
        if handle is not None:
            os.close(handle)
    raise FileExistsError(errno.EEXIST, "others remove what is written here", str(folder))


def _name_target(error: OSError, unfinished: Path, target: Path) -> None:
    """Let an error tell of what is to be made and not of its unfinished name, which nobody knows."""
    if error.filename is None and error.errno in _WHILE_WRITING:
        error.filename = str(target)
        return
    for name in ("filename", "filename2"):
        path = getattr(error, name)
        if isinstance(path, str) and path.startswith(str(unfinished)):
            setattr(error, name, str(target) + path.removeprefix(str(unfinished)))


def _make_folder(path: Path) -> int | None:
    """Make the folder; a handle to lock it, or None if it is gone already."""
    path.mkdir()
    if fcntl is None:
        return os.open(os.devnull, os.O_RDONLY)  # Windows opens no folder
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return None


def _hold(path: Path, handle: int) -> bool:
    """Lock `path`, just made; False when another process was faster to remove it."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # No locks here: then nobody can have it for a killed process's.
        return True
    try:
        return path.stat().st_ino == os.fstat(handle).st_ino
    except FileNotFoundError:
        return False


def _remove(path: Path) -> None:
    if path.is_dir():
        remove_tree(path)
    else:
        path.unlink(missing_ok=True)


def _is_special(path: Path) -> bool:
    """Whether a device or a pipe is at `path`: it has no content that could be replaced."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def _behind_links(path: Path) -> Path:
    """What to replace for `path`: the target of a symbolic link, and `path` itself otherwise."""
    if not path.is_symlink() and path.name not in ("", ".."):
        return path
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    return target
