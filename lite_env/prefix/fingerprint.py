"""Whether an environment is as it was, without reading any of its files."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

from lite_env.prefix.tree import refuse_beyond_bounds, walk

if TYPE_CHECKING:
    from pathlib import Path

_SETTLED_NS = 100_000_000
"""How old the last change must be: clocks of file systems tick every few milliseconds, so two changes within one tick
look like one."""


def fingerprint(root: Path) -> str:
    """A digest of path, kind, size, mtime, ctime and inode of everything below `root`, ``conda-meta`` too.

    Two equal ones of one folder of one machine mean that nothing in it was written, replaced, added or removed in
    between: to set the ctime back takes the system's clock. It reads no file: 20,000 take about 0.1 s. Where a change
    is younger than 0.1 s it waits for that long.

    Returns:
        64 hex digits; worth something on this machine only.

    Raises:
        OSError: a folder cannot be read.
        PrefixError: a folder lies deeper than any environment goes.
    """
    now = time.time_ns()
    digest, newest = _scan(root)
    if 0 <= now - newest < _SETTLED_NS or 0 < newest - now < _SETTLED_NS:
        time.sleep(_SETTLED_NS / 1e9)
        digest, _ = _scan(root)
    return digest


def _scan(root: Path) -> tuple[str, int]:
    newest = 0
    lines = []
    for path, entry in walk(root):
        if entry.is_dir(follow_symlinks=False):
            refuse_beyond_bounds(path)
            continue
        status = entry.stat(follow_symlinks=False)
        newest = max(newest, status.st_ctime_ns, status.st_mtime_ns)
        lines.append(
            f"{path}\0{status.st_mode} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}\n"
        )
    lines.sort()
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest(), newest
