"""Where lite_env keeps what can be fetched or computed again."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

CACHE_VARIABLE = "LITE_ENV_CACHE_DIR"
"""The environment variable that moves the cache."""


def cache_directory(name: str) -> Path:
    """The folder for one kind of cached file (``packages``, ``repodata``); it is not made here.

    ``LITE_ENV_CACHE_DIR`` moves all of them; otherwise it is the platform's cache folder of the user.
    """
    root = os.environ.get(CACHE_VARIABLE)
    return (Path(root).expanduser() if root else Path(platformdirs.user_cache_dir("lite-env", appauthor=False))) / name
