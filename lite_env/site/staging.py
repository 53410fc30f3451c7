"""Where a site's files are while they are written, and who may write: nobody deploys a half, or disturbs another build.

A file grows in a folder *beside* the site's and is then renamed to its place, so that whatever copies the site's folder
finds whole files only. Where that cannot be (the site's folder is a file system of its own, or what is above it may not
be written to), the folder is a hidden one inside. Its name is fixed: the next build removes what a killed one left.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lite_env.store.digest import sha256_of_bytes
from lite_env.store.removal import remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PART = ".part"
"""How everything is named that is there for a moment."""
INSIDE = f".lite-env-site{PART}"
"""The folder's name where it has to be inside the site's."""

_SHOWN = 40  # letters of the site's name
_DIGITS = 8  # of its SHA-256
# What earlier versions left when they were killed: beside a file, 40 letters of its name and eight of chance.
_LEFT = re.compile(r"\.(.+)\.[a-z0-9_]{8}\.part")


@contextmanager
def sole_writer(output: Path) -> Iterator[None]:
    """Wait until no other build writes into the folder `output`, and be the one that does until the block ends.

    The folder is made if it is not there; when the block fails, what was made goes again as far as it is empty. The end
    of a process, however it comes, ends its turn. On Windows folders cannot be locked; there is no waiting.

    Raises:
        OSError: the folder cannot be made.
    """
    made = [folder for folder in (output, *output.parents) if not folder.exists()]
    with _locked(output):
        try:
            yield
        except BaseException:
            # From the inside out, and while the others wait.
            with suppress(OSError):
                for folder in made:
                    folder.rmdir()
            raise


@contextmanager
def _locked(output: Path) -> Iterator[None]:
    if sys.platform == "win32":
        output.mkdir(parents=True, exist_ok=True)
        yield
        return
    import fcntl  # noqa: PLC0415 - there is none on Windows

    while True:
        output.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(output, os.O_RDONLY)
        # A file system without locks is no reason to write no site.
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        # Who had it before may have failed, and removed what was locked here.
        if output.is_dir() and os.path.samestat(os.fstat(descriptor), output.stat()):
            break
        os.close(descriptor)
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def staging_folder(output: Path) -> Iterator[Path]:
    """An empty folder from which a file can be renamed into `output`; it goes when the block ends.

    For the sole writer: what is there already was left by a build that was killed.

    Raises:
        OSError: none can be made.
    """
    remove_staging(output)
    folder = _make_beside(output)
    if folder is None:
        folder = output / INSIDE
        folder.mkdir()
    try:
        yield folder
    finally:
        remove_staging(output)


def remove_staging(output: Path) -> None:
    """Remove the folders in which builds of `output` write."""
    for folder in (beside(output), output / INSIDE):
        remove_tree(folder)


def remove_parts(output: Path, paths: Iterable[str]) -> None:
    """Remove what killed builds of earlier versions have left beside the files `paths` of the site in `output`."""
    names: dict[str, set[str]] = {}
    for path in paths:
        folder, _, name = path.rpartition("/")
        names.setdefault(folder, set()).add(name[:_SHOWN])
    for folder, known in names.items():
        with suppress(OSError), os.scandir(output / folder) as entries:
            for entry in entries:
                match = _LEFT.fullmatch(entry.name)
                if match and match[1] in known and entry.is_file(follow_symlinks=False):
                    Path(entry.path).unlink(missing_ok=True)


def beside(output: Path) -> Path:
    """The folder beside the site's in which its builds write."""
    place = Path(os.path.realpath(output))
    if not place.name:
        return place / INSIDE
    return place.with_name(f".{place.name[:_SHOWN]}.{sha256_of_bytes(os.fsencode(place.name))[:_DIGITS]}{PART}")


def _make_beside(output: Path) -> Path | None:
    place = Path(os.path.realpath(output))
    folder = beside(output)
    try:
        folder.mkdir()
        if folder.stat().st_dev == place.stat().st_dev:
            return folder
        folder.rmdir()
    except OSError:
        return None
    return None
