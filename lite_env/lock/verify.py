"""What can be said about locked packages before anything is fetched; local files are hashed here.

rattler checks the sha256 of what it downloads, but takes a file from a ``file://`` channel as it is.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from lite_env.errors import FetchError, PrefixError
from lite_env.lock.urls import local_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lite_env.lock.model import LockedPackage
    from lite_env.progress import Task

_CHUNK = 1 << 20  # bytes read at once while hashing


def refuse_unreachable(missing: Sequence[LockedPackage], *, offline: bool) -> None:
    """Refuse packages that the cache lacks and that cannot be had.

    Raises:
        FetchError: names them.
    """
    remote = [package for package in missing if local_path(package.url) is None]
    if offline and remote:
        names = ", ".join(package.file_name for package in remote)
        raise FetchError(
            f"offline, and the package cache lacks {len(remote)} of the locked packages: {names}",
            hint="run the same command once without --offline",
        )
    for package in missing:
        path = local_path(package.url)
        if path is not None and not path.exists():
            raise FetchError(
                f"the locked package {package.file_name} is not in its local channel",
                hint="build the channel (`lite-env channel build`), or lock again if it has changed",
                file=str(path),
            )


def verify_local(package: LockedPackage, task: Task) -> None:
    """Refuse a package of a local channel whose file is not the one that was locked; others are passed over.

    Raises:
        FetchError: with both hashes.
    """
    path = local_path(package.url)
    if path is None:
        return
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_CHUNK):
            digest.update(block)
            task.advance(len(block))
    if digest.hexdigest() != package.sha256:
        raise FetchError(
            f"{package.file_name} is not the file that was locked",
            hint="if the channel was built anew on purpose, lock again; if not, build it again from its definition",
            file=str(path),
            expected_sha256=package.sha256,
            found_sha256=digest.hexdigest(),
        )


def refuse_unsafe_paths(package: LockedPackage, paths: Sequence[str]) -> None:
    """Refuse a package that would be linked to a place outside of the environment, or over its own records.

    rattler follows ``..`` in a package's list of paths, and an absolute path in it ends the process.

    Raises:
        PrefixError: names the package and the path.
    """
    for path in paths:
        parts = path.replace("\\", "/").split("/")
        if parts[0] in ("", "conda-meta") or parts[0].endswith(":") or ".." in parts:
            raise PrefixError(
                f"the package {package.file_name} wants to write '{path}', which is not below the environment",
                hint="do not use this package: it is broken or hostile",
                file=package.url,
            )


def total_size(packages: Sequence[LockedPackage]) -> int | None:
    """Bytes of all package files together, None when one does not tell."""
    sizes = [package.size for package in packages if package.size is not None]
    return sum(sizes) if len(sizes) == len(packages) else None
