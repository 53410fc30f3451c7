"""The folder that a build happens in; what a killed one has left is removed by the next."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from lite_env.store.location import cache_directory
from lite_env.store.removal import remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOCK = ".lock"


@contextmanager
def workroom() -> Iterator[Path]:
    """An empty folder in the cache, for as long as the context lasts."""
    root = cache_directory("builds")
    root.mkdir(parents=True, exist_ok=True)
    # Nobody sees a folder before it is held.
    with FileLock(root / _LOCK):
        for left in root.iterdir():
            if left.is_dir() and not _is_held(left):
                remove_tree(left)
        folder = Path(tempfile.mkdtemp(dir=root, prefix="b-"))
        held = FileLock(folder / _LOCK)
        held.acquire()
    try:
        yield folder
    finally:
        held.release()
        remove_tree(folder)


def _is_held(folder: Path) -> bool:
    try:
        with FileLock(folder / _LOCK, timeout=0):
            return False
    except Timeout:
        return True
