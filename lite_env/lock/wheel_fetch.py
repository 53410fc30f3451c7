"""Wheels on this machine: fetched, or copied from where they lie, and whole or not there at all."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from lite_env.errors import FetchError
from lite_env.lock.uv import login_for
from lite_env.progress import SILENT
from lite_env.spec.address import local_path
from lite_env.spec.places import is_there
from lite_env.store.atomic import write_bytes
from lite_env.store.digest import sha256_of_bytes
from lite_env.store.download import download
from lite_env.store.location import cache_directory
from lite_env.store.protocol import FORGETFUL
from lite_env.store.refusals import refusal

if TYPE_CHECKING:
    from pathlib import Path

    from lite_env.progress import Reporter
    from lite_env.store.protocol import Store

_KIND = "wheel"


def cached_wheel(sha256: str, file_name: str) -> Path:
    """Where a wheel lies in the user's cache, or would."""
    return cache_directory("wheels") / sha256[:2] / sha256 / file_name


def fetch_wheel(
    url: str,
    file_name: str,
    *,
    sha256: str,
    size: int | None = None,
    offline: bool = False,
    store: Store = FORGETFUL,
    reporter: Reporter = SILENT,
) -> Path:
    """The wheel of this content, in the user's cache; what lies there is looked at each time.

    Args:
        url: where it is; ``file://`` for one that lies here.
        file_name: of the wheel.
        sha256: of its content.
        size: in bytes.
        offline: open no connection.
        store: keeps wheels as they were fetched.
        reporter: told of bytes.

    Raises:
        FetchError: it cannot be had, or is another one.
    """
    found = find_wheel(sha256, file_name, store)
    path = local_path(url)
    if path is not None and (is_there(path) or found is None):
        # Also when the cache has its content: who builds a wheel anew shall hear that another one is locked.
        data = _read(path, sha256)
        return found or keep_wheel(data, file_name, store)
    if found is not None:
        return found
    if offline:
        raise FetchError(
            f"offline, and no cache has the wheel {file_name}",
            hint="run the same command once without --offline, or `lite-env cache import` a cache that has it",
        )
    target = cached_wheel(sha256, file_name)
    download(url, target, sha256=sha256, size=size, login=login_for(url, os.environ), reporter=reporter)
    store.write(target.read_bytes(), kind=_KIND, vouched=True)
    return target


def find_wheel(sha256: str, file_name: str, store: Store) -> Path | None:
    """The wheel of this content in the user's cache, if it lies there, or `store` has it; then it is in both."""
    target = cached_wheel(sha256, file_name)
    try:
        data = target.read_bytes()
    except OSError:
        data = b""
    if sha256_of_bytes(data) == sha256:
        store.write(data, kind=_KIND, vouched=True)
        # Says when it was last used.
        with suppress(OSError):
            os.utime(target.parent)
        return target
    kept = store.read(sha256)
    if kept is None:
        return None
    write_bytes(target, kept)
    return target


def keep_wheel(data: bytes, file_name: str, store: Store = FORGETFUL) -> Path:
    """Put a wheel's bytes into the cache, and into `store`."""
    target = cached_wheel(store.write(data, kind=_KIND, vouched=True), file_name)
    write_bytes(target, data)
    return target


def _read(path: Path, sha256: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise refusal(FetchError, f"the wheel {path.name} cannot be read", error, file=path) from error
    found = sha256_of_bytes(data)
    if found != sha256:
        raise FetchError(
            f"{path.name} is not the wheel that was locked",
            hint="if it was built anew on purpose, lock again",
            file=str(path),
            expected_sha256=sha256,
            found_sha256=found,
        )
    return data
