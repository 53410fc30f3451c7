"""Copies of started kernels in a pack, from which they are restored in place of being started."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from lite_env.pack.manifest import FORMAT, WITH_SNAPSHOTS, SnapshotFile, snapshot_name
from lite_env.store.digest import sha256_of_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lite_env.pack.manifest import Kernel, Manifest
    from lite_env.pack.shelf import Shelf


class SnapshotMaker(Protocol):
    """Makes snapshots of the kernels of a pack."""

    def make(self, pack: Path, manifest: Manifest) -> Mapping[str, bytes]:
        """Snapshots by kernel, of a pack that is whole but for them; the same for the same pack."""


def with_snapshots(manifest: Manifest, snapshots: Mapping[str, bytes], shelf: Shelf) -> Manifest:
    """Write `snapshots` into a pack; its manifest with them."""

    def written(kernel: Kernel) -> Kernel:
        raw = snapshots.get(kernel.name)
        if raw is None:
            return kernel
        digest = sha256_of_bytes(raw)
        path = f"kernels/{kernel.name}/{snapshot_name(digest)}"
        size, sha256 = shelf.put(digest, raw, path)
        file = SnapshotFile(path=path, digest=digest, raw_size=len(raw), size=size, sha256=sha256)
        return msgspec.structs.replace(kernel, snapshot=file)

    kernels = tuple(written(kernel) for kernel in manifest.kernels)
    return msgspec.structs.replace(manifest, format=WITH_SNAPSHOTS if snapshots else FORMAT, kernels=kernels)


def without_snapshots(manifest: Manifest) -> Manifest:
    """The manifest of the same pack, had none been asked for."""
    kernels = tuple(msgspec.structs.replace(kernel, snapshot=None) for kernel in manifest.kernels)
    return msgspec.structs.replace(manifest, format=FORMAT, kernels=kernels)
