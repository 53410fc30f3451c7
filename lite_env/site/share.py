"""What several packs of a site have in common lies once on it: decided here, without touching a file.

Files are equal when their contents are, however hard each pack has compressed them; the smallest is taken. Only the
site's copy of a manifest knows: it requires ``shared-files``, and has under ``shared`` where a file of the pack lies,
relative to the manifest. What is not shared, and every pack of a site by itself, stays as it is.

A pack names its files by what they become when they are inflated. Where a visitor of the last deployment was told that
a file of that name has other bytes (it was compressed harder, say), the new one lies among the shared files, too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, TypeVar

import msgspec

from lite_env.pack.manifest import COMPRESSED, FORMAT, WITH_SNAPSHOTS, File
from lite_env.pack.reader import SHARED_FILES
from lite_env.pack.writer import encode_manifest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lite_env.pack.manifest import Archive, IndexFile, Manifest, SnapshotFile, Stored
    from lite_env.site.environments import SiteEnvironment

_Item = TypeVar("_Item", "Archive", "IndexFile", "SnapshotFile", File)

FOLDER = "files/"
"""Where shared files lie on a site; they are named by the SHA-256 of what is stored."""
_ENDING = re.compile(r"(\.[A-Za-z0-9]+){1,2}")
"""How a shared file may be named behind its hash: what is named otherwise stays in its pack."""
_UP = "../../"
"""From a pack's folder to the site's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedFile:
    """A file that several packs have: where it lies on the site, and in which pack it is found as what."""

    path: str
    environment: SiteEnvironment
    item: Stored


@dataclass(frozen=True, kw_only=True, slots=True)
class Sharing:
    """What the packs of a site have in common.

    Attributes:
        files: each once, by path.
        moved: by environment's name and path in its pack, the file that stands for it.
    """

    files: tuple[SharedFile, ...]
    moved: Mapping[str, Mapping[str, SharedFile]]

    def manifest_of(self, environment: SiteEnvironment) -> bytes:
        """The site's copy of a pack's manifest; the pack's own bytes where it shares nothing."""
        moved = self.moved.get(environment.name)
        return _with_shared(environment.manifest, moved) if moved else environment.manifest_bytes


def share(environments: Sequence[SiteEnvironment], deployed: Mapping[str, str] | None = None) -> Sharing:
    """Find what several of these packs have in common.

    Args:
        environments: the packs.
        deployed: by path, the SHA-256 of what visitors may still ask for; relative to what packs' folders lie in.
    """
    told = deployed or {}
    places: dict[tuple[str, str], list[SharedFile]] = {}
    for environment in environments:
        for item in environment.manifest.contents:
            end = _ending(item.path)
            # kernel.json is what other tools look for in the pack's folder.
            if _ENDING.fullmatch(end) and not (isinstance(item, File) and item.role == "spec"):
                place = SharedFile(path=f"{FOLDER}{item.sha256}{end}", environment=environment, item=item)
                places.setdefault((item.digest, end), []).append(place)
    files: dict[str, SharedFile] = {}
    moved: dict[str, dict[str, SharedFile]] = {}
    for found in places.values():
        is_other = any(
            told.get(place.environment.folder + place.item.path, place.item.sha256) != place.item.sha256
            for place in found
        )
        if is_other or len({place.environment.name for place in found}) > 1:
            chosen = min(found, key=lambda place: (place.item.size, place.path, place.environment.name))
            files[chosen.path] = chosen
            for place in found:
                moved.setdefault(place.environment.name, {})[place.item.path] = chosen
    return Sharing(files=tuple(files[path] for path in sorted(files)), moved=moved)


def _with_shared(manifest: Manifest, moved: Mapping[str, SharedFile]) -> bytes:
    def stored(item: _Item) -> _Item:
        found = moved.get(item.path)
        return msgspec.structs.replace(item, size=found.item.size, sha256=found.item.sha256) if found else item

    changed = msgspec.structs.replace(
        manifest,
        format=WITH_SNAPSHOTS if manifest.snapshots else FORMAT,
        requires=tuple(sorted({*manifest.requires, SHARED_FILES})),
        index=stored(manifest.index),
        archives=tuple(stored(archive) for archive in manifest.archives),
        kernels=tuple(
            msgspec.structs.replace(
                kernel,
                files=tuple(stored(file) for file in kernel.files),
                snapshot=kernel.snapshot and stored(kernel.snapshot),
            )
            for kernel in manifest.kernels
        ),
    )
    document = msgspec.json.decode(encode_manifest(changed))
    document["shared"] = {path: _UP + file.path for path, file in moved.items()}
    return msgspec.json.format(msgspec.json.encode(document, order="sorted"), indent=2) + b"\n"


def _ending(path: str) -> str:
    """What the name of a file of that kind ends in, such as ``.tar.zst``."""
    inner = path.removesuffix(COMPRESSED)
    return PurePosixPath(inner).suffix + path[len(inner) :]
