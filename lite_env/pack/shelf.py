"""Where the compressed files of a pack are written: taken over where the same was compressed before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lite_env.errors import ManifestError
from lite_env.pack.reader import inflate, read_checked, read_manifest
from lite_env.store.digest import sha256_of_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lite_env.pack.manifest import Stored
    from lite_env.pack.press import Press


def reusable(output: Path, wanted: str) -> Mapping[str, tuple[Path, Stored]]:
    """Compressed files at `output` by digest, when whatever wrote them would write the same bytes again."""
    try:
        manifest = read_manifest(output)
    except ManifestError:
        return {}
    if manifest.generator != wanted:
        return {}
    return {item.digest: (output, item) for item in manifest.contents if item.compressed}


@dataclass(frozen=True, kw_only=True, slots=True)
class Shelf:
    """Where compressed files go, and where they may already be."""

    staging: Path
    old: Mapping[str, tuple[Path, Stored]]
    press: Press

    def put(self, digest: str, raw: bytes, path: str) -> tuple[int, str]:
        """Compress `raw` into the pack's file `path`: its compressed size and hash."""
        data = self._of_old_pack(digest) or self.press.compressed(digest, raw)
        (self.staging / path).write_bytes(data)
        return len(data), sha256_of_bytes(data)

    def _of_old_pack(self, digest: str) -> bytes | None:
        """The compressed file of the pack that stood there before, when it is whole."""
        if digest not in self.old:
            return None
        pack, item = self.old[digest]
        try:
            data = read_checked(pack, item)
            inflate(data, item)
        except ManifestError:
            return None
        return data
