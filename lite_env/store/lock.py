"""One process at a time at a piece of work that several may want: the others wait, visibly and not for ever."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_POLL = 0.1  # seconds between two tries
PATIENCE = 1800.0
"""Seconds that a process waits for another one, by default."""


@contextmanager
def held(
    path: Path,
    *,
    waiting: Callable[[], None] = lambda: None,
    seconds: float = PATIENCE,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[bool]:
    """Hold the lock file `path` inside the block; it is removed at the end. A process that ends lets go of it.

    Args:
        path: the lock file; its folder must be there.
        waiting: called once, if another process holds it: to say so.
        seconds: how long to wait.
        sleep: waits between two tries.

    Yields:
        Whether it had to wait: then what is to be done may have been done by another process.

    Raises:
        TimeoutError: another process held it all the time.
        OSError: the file cannot be made.
    """
    release = _try(path)
    waited = release is None
    if waited:
        waiting()
    for _ in range(int(seconds / _POLL)):
        if release is not None:
            break
        sleep(_POLL)
        release = _try(path)
    if release is None:
        raise TimeoutError(f"another process held '{path}' for {seconds:.0f} seconds")
    try:
        yield waited
    finally:
        release()


def _try(path: Path) -> Callable[[], None] | None:
    """Take the lock if it is free; what lets it go."""
    if fcntl is None:
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return None
        return lock.release
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever held it before has removed the file: a lock on that one would exclude nobody.
        current = path.stat().st_ino == os.fstat(handle).st_ino
    except (BlockingIOError, FileNotFoundError):
        current = False
    except BaseException:
        os.close(handle)
        raise
    if not current:
        os.close(handle)
        return None

    def release() -> None:
        path.unlink(missing_ok=True)
        os.close(handle)

    return release
