"""Which package each file of a pack belongs to: archives count the entries of their packages, in the order of names."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

from lite_env.errors import ManifestError
from lite_env.pack.reader import read_content

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lite_env.pack.manifest import Manifest


def owners_in_order(packages: Mapping[str, int], paths: Sequence[str]) -> list[tuple[str, str | None]]:
    """Path and owner of each entry of an archive; None where no package owns it.

    Args:
        packages: how many entries each package has.
        paths: of all entries, in their order.

    Raises:
        ManifestError: there are fewer entries than are counted.
    """
    owners: list[str | None] = [name for name in sorted(packages) for _ in range(packages[name])]
    if len(owners) > len(paths):
        raise ManifestError(
            f"an archive has {len(paths)} entries, fewer than the {len(owners)} that the manifest counts",
            hint="the pack is damaged or was not made by lite-env: pack again",
        )
    owners += [None] * (len(paths) - len(owners))
    return list(zip(paths, owners, strict=True))


def read_owners(pack: Path, manifest: Manifest) -> dict[str, str | None]:
    """The package of each file in the archives of `pack`, by path.

    Raises:
        ManifestError: an archive is missing or foreign.
    """
    owners: dict[str, str | None] = {}
    for archive in manifest.archives:
        try:
            with tarfile.open(fileobj=io.BytesIO(read_content(pack, archive)), mode="r:") as tar:
                owners.update(owners_in_order(archive.packages, tar.getnames()))
        except tarfile.TarError as error:
            raise ManifestError(f"'{archive.path}' is not a tar: {error}", file=archive.path) from error
    return owners
