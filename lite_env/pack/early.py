"""A pack of which only that is written which starts read: its kernels can be tried beside the writing of the rest."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import msgspec

from lite_env.pack.reader import MANIFEST
from lite_env.store.digest import sha256_of_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from lite_env.pack.manifest import Archive, Manifest


def started(manifest: Manifest) -> frozenset[int]:
    """Positions of the archives that the start of some kernel loads."""
    return frozenset(position for kernel in manifest.kernels for position in kernel.start.all)


def left_open(manifest: Manifest) -> Manifest:
    """The manifest without the digests and compressed sizes of archives that no start loads.

    It is equal of two packs that differ in nothing else. What stands in their place cannot be read.
    """
    needed = started(manifest)
    archives = tuple(
        archive if position in needed else _nothing_yet(archive, position)
        for position, archive in enumerate(manifest.archives)
    )
    return msgspec.structs.replace(manifest, archives=archives)


def _nothing_yet(archive: Archive, position: int) -> Archive:
    """The archive at `position` as long as it is not written."""
    stand_in = sha256_of_bytes(f"the archive {position} is not written yet".encode())
    return msgspec.structs.replace(archive, digest=stand_in, sha256=stand_in, size=1)


def write_early(manifest: Manifest, written: Path, folder: Path, encoded: bytes) -> None:
    """Make a pack in `folder` of what a start reads, as it is in the folder `written`.

    Args:
        manifest: what `left_open` made of the whole one.
        written: has all files but the archives that no start loads.
        folder: is not there yet.
        encoded: the manifest as it is written.
    """
    needed = started(manifest)
    missing = {archive.path for position, archive in enumerate(manifest.archives) if position not in needed}
    for item in manifest.contents:
        target = folder / item.path
        target.parent.mkdir(parents=True, exist_ok=True)
        if item.path in missing:
            target.touch()
        else:
            shutil.copyfile(written / item.path, target)
    (folder / MANIFEST).write_bytes(encoded)
