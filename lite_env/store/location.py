"""Where lite_env keeps what can be fetched or computed again; only its owner may look into it."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

import platformdirs

CACHE_VARIABLE = "LITE_ENV_CACHE_DIR"
"""The environment variable that moves the cache."""

_PRIVATE = 0o700
_OTHERS = 0o077
# What lite_env makes at the top of its cache, and made before: a folder with anything else is not the cache's alone.
_OURS = frozenset(
    {
        *("archives", "builds", "bytecode", "downloads", "encoded", "packages", "prefixes", "previous", "repodata"),
        *("snapshots", "sources", "store", "toolchain", "traces", "uv", "wheels"),
    }
)


def cache_directory(name: str) -> Path:
    """The folder for one kind of cached file (``packages``, ``repodata``); it is not made here, but what holds it is.

    ``LITE_ENV_CACHE_DIR`` moves all of them; otherwise it is the platform's cache folder of the user. rattler's caches
    keep the addresses of channels with their passwords, so nobody else may enter: the cache is made with mode 0700, and
    one that is there with wider permissions gets that mode. Where ``LITE_ENV_CACHE_DIR`` is a folder with other things
    in it, only what is ours there is closed. A cache that cannot be made is no failure here.
    """
    named = os.environ.get(CACHE_VARIABLE) or None
    root = Path(named).expanduser() if named else Path(platformdirs.user_cache_dir("lite-env", appauthor=False))
    with suppress(OSError):
        root.parent.mkdir(parents=True, exist_ok=True)
        root.mkdir(mode=_PRIVATE, exist_ok=True)
        _close(root if named is None or _is_ours_alone(root) else root / name)
    return root / name


def _is_ours_alone(root: Path) -> bool:
    return {entry.name for entry in os.scandir(root)} <= _OURS


def _close(folder: Path) -> None:
    """Take the permissions of others from `folder`, which is made if needed, when it belongs to this user."""
    if os.name == "nt":
        # A user's cache folder is below the profile, which Windows closes to others.
        return
    folder.mkdir(mode=_PRIVATE, exist_ok=True)
    status = folder.stat()
    if status.st_uid == os.getuid() and stat.S_IMODE(status.st_mode) & _OTHERS:
        folder.chmod(_PRIVATE)
