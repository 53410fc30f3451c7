"""Downloads of packages, checked while they arrive, and the folder where they wait to be looked at."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from lite_env.errors import FetchError, PrefixError
from lite_env.store.atomic import write_text
from lite_env.store.removal import remove_tree
from lite_env.store.text import Origin, parse_json, read_bounded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lite_env.lock.model import LockedPackage
    from lite_env.progress import Task

PACKAGES_LOCK = ".lite-env.lock"
"""A file in the package cache: one process at a time uses it."""


class PackageWriter:
    """Takes a package's bytes as they arrive: counted, hashed and written.

    Args:
        package: what is downloaded.
        stream: where it goes.
        task: told of bytes.
        told: how many it knows of already, from an attempt that failed.
    """

    def __init__(self, package: LockedPackage, stream: IO[bytes], task: Task, told: int = 0) -> None:
        self._package = package
        self._stream = stream
        self._task = task
        self._told = told
        # A package of an `@EXPLICIT` list may have no SHA-256 yet.
        self._kind, self._expected = ("sha256", package.sha256) if package.sha256 else ("md5", package.md5)
        self._digest = hashlib.new(self._kind, usedforsecurity=False)
        self.size = 0

    def write(self, data: bytes) -> int:
        """Take the next bytes.

        Raises:
            FetchError: there are more than the lock says.
        """
        self.size += len(data)
        if self._package.size is not None and self.size > self._package.size:
            raise _not_locked(self._package, f"it has more than {self._package.size} bytes")
        self._digest.update(data)
        if self.size > self._told:
            # A bar must neither jump back nor count bytes twice.
            self._task.advance(self.size - self._told)
            self._told = self.size
        return self._stream.write(data)

    def finish(self) -> None:
        """Compare what came with what was locked.

        Raises:
            FetchError: it is something else.
        """
        found = self._digest.hexdigest()
        if self._expected and found != self._expected:
            raise _not_locked(self._package, f"expected {self._kind} {self._expected}, found {found}")


def _not_locked(package: LockedPackage, reason: str) -> FetchError:
    return FetchError(
        f"{package.file_name} is not the file that was locked: {reason}",
        hint="the file on the server was changed or damaged on the way; lock again if the change is meant",
        url=package.url,
    )


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """An empty `folder` that is gone afterwards; what a process that was killed left there is gone before."""
    remove_tree(folder)
    folder.mkdir()
    try:
        yield folder
    finally:
        remove_tree(folder)


def tell_origin(prefix: Path, package: LockedPackage) -> None:
    """Write into ``conda-meta`` where a package came from: it was installed out of a copy of it."""
    file = prefix / "conda-meta" / f"{package.name}-{package.version}-{package.build}.json"
    origin = Origin(what=f"'{file.name}'", error=PrefixError, file=str(file))
    record = parse_json(read_bounded(file, origin), origin)
    write_text(file, json.dumps(record | {"url": package.url}, indent=2, ensure_ascii=False))
