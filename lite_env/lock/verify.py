"""Whether packages are what was locked: files of local channels, downloads, and what the package cache unpacked.

rattler takes a file from a ``file://`` channel as it is, and replaces what is damaged in its cache without a word.
"""

from __future__ import annotations

import hashlib
import stat
from typing import TYPE_CHECKING

from lite_env.errors import FetchError, PrefixError
from lite_env.spec.address import local_path
from lite_env.spec.places import is_there
from lite_env.store.digest import sha256_of_file
from lite_env.store.text import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lite_env.lock.contents import PackageContents
    from lite_env.lock.model import LockedPackage
    from lite_env.progress import Task

_CHUNK = 1 << 20  # bytes read at once while hashing
_MEGABYTE = 1_000_000
_SHOWN = 5  # how many names a message lists


def refuse_unreachable(missing: Sequence[LockedPackage], *, offline: bool) -> None:
    """Refuse packages that no cache has whole, and that cannot be had.

    Raises:
        FetchError: names them.
    """
    remote = [package for package in missing if local_path(package.url) is None]
    if offline and remote:
        names = ", ".join(package.file_name for package in remote)
        size = total_size(remote)
        much = f" ({size / _MEGABYTE:.1f} MB)" if size is not None else ""
        raise FetchError(
            f"offline, and no cache has {len(remote)} of the locked packages{much} whole: {names}",
            hint="run the same command once without --offline, or `lite-env cache import` a cache that has them",
        )
    for package in missing:
        path = local_path(package.url)
        if path is not None and not is_there(path):
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


def damaged_files(folder: Path, digests: Mapping[str, str]) -> tuple[str, ...]:
    """The files below `folder` that are missing, or whose SHA-256 is not the one in `digests`; sorted."""
    damaged = []
    for path, digest in digests.items():
        file = folder / path
        try:
            # What is not a file is not opened: a pipe would never end.
            whole = stat.S_ISREG(file.lstat().st_mode) and sha256_of_file(file) == digest
        except OSError:
            whole = False
        if not whole:
            damaged.append(path)
    return tuple(sorted(damaged))


def refuse_false_list(package: LockedPackage, contents: PackageContents) -> None:
    """Refuse a package, as it was locked, of which the list of its files does not fit them.

    Raises:
        PrefixError: names the package and the file.
    """
    wrong = [f"'{shown(path)}' is in it, and it is not" for path in contents.lacking]
    wrong += [
        f"the sha256 of '{shown(path)}' is {shown(digest)}, and it is {found}"
        for path, digest in contents.digests.items()
        if (found := contents.found.get(path.removeprefix("./"))) is not None and found != digest
    ]
    if wrong:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise PrefixError(
            f"the package {package.file_name} is wrong in itself: its own list says that {wrong[0]}{more}",
            hint="report it to its channel, and take another version or build of it",
            file=package.url,
        )


def total_size(packages: Sequence[LockedPackage]) -> int | None:
    """Bytes of all package files together, None when one does not tell."""
    sizes = [package.size for package in packages if package.size is not None]
    return sum(sizes) if len(sizes) == len(packages) else None


def some(paths: Sequence[str]) -> str:
    """The first of `paths`, and whether there are more."""
    return ", ".join(paths[:_SHOWN]) + (f", … ({len(paths)} files)" if len(paths) > _SHOWN else "")
