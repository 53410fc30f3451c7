"""Package files in a store: taken from there, and kept there as they were fetched.

What a package's file is named by is the SHA-256 of its lock: so any store will do, whoever writes to it.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from lite_env.store.results import AT_ONCE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from lite_env.lock.model import LockedPackage
    from lite_env.progress import Task
    from lite_env.store.protocol import Store


def place_of(package: LockedPackage, folder: Path) -> Path:
    """Where in `folder` a package's file lies: not the name in the lock, which is anybody's text."""
    suffix = ".tar.bz2" if package.file_name.endswith(".tar.bz2") else ".conda"
    return folder / f"{package.name}-{package.version}-{package.build}{suffix}"


def take_packages(packages: Iterable[LockedPackage], folder: Path, store: Store, task: Task) -> dict[str, Path]:
    """Write the files of those of `packages` that `store` has into `folder`; where they are, by name."""

    def take(package: LockedPackage) -> tuple[str, Path] | None:
        data = store.read(package.sha256)
        if data is None:
            return None
        path = place_of(package, folder)
        path.write_bytes(data)
        task.advance(len(data))
        return package.name, path

    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        return dict(found for found in pool.map(take, packages) if found is not None)


def keep_package(path: Path, store: Store, *, vouched: bool = True) -> None:
    """Keep a package's file; `vouched` is whether it was just verified by a lock's SHA-256."""
    store.write(path.read_bytes(), kind="package", vouched=vouched)
