"""The folder that a build happens in; what a killed one has left is removed by the next."""

from __future__ import annotations

import re
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from lite_env.errors import RecipeError
from lite_env.store.location import cache_directory
from lite_env.store.removal import remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOCK = ".lock"
_BLANK = re.compile(r"\s")


@contextmanager
def workroom() -> Iterator[Path]:
    """An empty folder in the cache, for as long as the context lasts.

    Scripts of recipes name their folders without quotes, as all of conda's do: where the cache's path has a blank, it
    is a folder for temporary files.

    Raises:
        RecipeError: that has a blank, too.
    """
    root = cache_directory("builds")
    with _temporary() if _BLANK.search(str(root)) else _held(root) as folder:
        yield folder


@contextmanager
def _temporary() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="lite-env-build-"))
    try:
        if _BLANK.search(str(folder)):
            raise RecipeError(
                "recipes cannot be built in a folder whose path has a blank",
                hint="name another one by LITE_ENV_CACHE_DIR, or by TMPDIR",
                found=str(folder.parent),
            )
        yield folder
    finally:
        remove_tree(folder)


@contextmanager
def _held(root: Path) -> Iterator[Path]:
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
