"""What a drive says of a file or folder of the host."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import os

DIR_MODE = 0o40777
FILE_MODE = 0o100666
BLOCK_SIZE = 4096  # bytes


def mode_of(found: os.stat_result) -> int:
    """The type alone; permissions are open to all, as DriveFS shows them."""
    return DIR_MODE if stat.S_ISDIR(found.st_mode) else FILE_MODE


def attributes_of(found: os.stat_result) -> dict[str, Any]:
    """What ``getattr`` answers."""
    size = 0 if stat.S_ISDIR(found.st_mode) else found.st_size
    return {
        "dev": 1,
        "nlink": 1,
        "uid": 0,
        "gid": 0,
        "rdev": 0,
        "size": size,
        "blksize": BLOCK_SIZE,
        "blocks": -(-size // BLOCK_SIZE),
        "atime": _iso(found.st_atime),
        "mtime": _iso(found.st_mtime),
        "ctime": _iso(found.st_ctime),
        "timestamp": 0,
    }


def _iso(seconds: float) -> str:
    """A time as JavaScript's Date reads it everywhere: milliseconds, UTC."""
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        # Some file systems hold times that no calendar has.
        moment = datetime.fromtimestamp(0, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
