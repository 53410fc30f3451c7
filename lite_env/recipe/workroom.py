"""The folder that builds of one process happen in; what a killed one has left is removed by the next."""

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
    for left in root.iterdir():
        _remove_unless_held(left)
    with tempfile.TemporaryDirectory(dir=root, prefix="b-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with FileLock(folder / _LOCK):
            yield folder


def _remove_unless_held(folder: Path) -> None:
    try:
        with FileLock(folder / _LOCK, timeout=0):
            pass
    except Timeout:
        return
    except OSError:  # it was removed just now
        return
    remove_tree(folder)
