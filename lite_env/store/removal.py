"""Removing folders, however deep a stranger's package made them."""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path


def remove_tree(folder: Path) -> None:
    """Remove `folder` with all that is in it; what cannot be removed stays, as does what a link points to."""
    # It calls itself for each level before Python 3.13, and names no path that is longer than the system's.
    with suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    if folder.is_dir() and not folder.is_symlink():
        with suppress(OSError):
            _remove_flat(folder)


def _remove_flat(folder: Path) -> None:
    """Bring each folder below `folder` up to it before it is looked into: so no path gets long."""
    waiting = _without_files(folder)
    while waiting:
        inner = waiting.pop()
        for found in _without_files(inner):
            here = folder / secrets.token_hex(8)
            found.rename(here)
            waiting.append(here)
        inner.rmdir()
    folder.rmdir()


def _without_files(folder: Path) -> list[Path]:
    """The folders in `folder`, of which the files are removed."""
    folders = []
    with os.scandir(folder) as entries:
        for entry in list(entries):
            if entry.is_dir(follow_symlinks=False):
                folders.append(Path(entry.path))
            else:
                Path(entry.path).unlink()
    return folders
