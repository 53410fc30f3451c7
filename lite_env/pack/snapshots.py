"""Copies of started kernels in a pack, from which they are restored in place of being started."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import msgspec

from lite_env.pack.manifest import FORMAT, WITH_SNAPSHOTS, SnapshotFile, snapshot_name
from lite_env.store.digest import sha256_of_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lite_env.pack.manifest import Kernel, Manifest
    from lite_env.pack.shelf import Shelf


@dataclass(frozen=True, kw_only=True, slots=True)
class MadeSnapshot:
    """A snapshot of one kernel.

    Attributes:
        raw: its bytes.
        archives: positions of those that a restore of it reads.
        without: why it is without the modules that it was to have imported; empty where it is not.
    """

    raw: bytes
    archives: tuple[int, ...] = ()
    without: str = ""


class SnapshotMaker(Protocol):
    """Makes snapshots of the kernels of a pack."""

    def make(self, pack: Path, manifest: Manifest) -> Mapping[str, MadeSnapshot]:
        """Snapshots by kernel, of a pack that is whole but for them; the same for the same pack."""


def with_snapshots(manifest: Manifest, snapshots: Mapping[str, MadeSnapshot], shelf: Shelf) -> Manifest:
    """Write `snapshots` into a pack; its manifest with them."""

    def written(kernel: Kernel) -> Kernel:
        made = snapshots.get(kernel.name)
        if made is None:
            return kernel
        digest = sha256_of_bytes(made.raw)
        path = f"kernels/{kernel.name}/{snapshot_name(digest)}"
        size, sha256 = shelf.put(digest, made.raw, path)
        file = SnapshotFile(
            path=path, digest=digest, raw_size=len(made.raw), size=size, sha256=sha256, archives=made.archives
        )
        return msgspec.structs.replace(kernel, snapshot=file)

    kernels = tuple(written(kernel) for kernel in manifest.kernels)
    return msgspec.structs.replace(manifest, format=WITH_SNAPSHOTS if snapshots else FORMAT, kernels=kernels)


def without_snapshots(manifest: Manifest) -> Manifest:
    """The manifest of the same pack, had none been asked for."""
    kernels = tuple(msgspec.structs.replace(kernel, snapshot=None) for kernel in manifest.kernels)
    return msgspec.structs.replace(manifest, format=FORMAT, kernels=kernels)
