"""Reading a pack without trusting it: format, schema, paths, sizes and hashes are checked before anything is used.

Version policy (semantic versions of the *format*): 1.x and 2.x are read, another major is refused; a feature in
`requires` that is not known is refused; a later minor is read, its unknown keys ignored.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import zstandard

from lite_env.errors import ManifestError
from lite_env.pack.check import faults
from lite_env.pack.files import open_pack_file, read_pack_file
from lite_env.pack.format1 import upgrade
from lite_env.pack.index import Index, IndexedFile, decode_index
from lite_env.pack.limits import MAX_MANIFEST_SIZE, MAX_STORED_SIZE
from lite_env.pack.manifest import KERNEL_STARTS, STARTUP_CODE, Manifest
from lite_env.store.digest import sha256_of_bytes
from lite_env.store.refusals import is_absence, refusal
from lite_env.store.text import Origin, convert, parse_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lite_env.pack.manifest import Stored

MANIFEST = "manifest.json"
SHARED_FILES = "shared-files"
"""In `requires` of a site's copy of a manifest: files of the pack lie in a folder of the site, not beside it."""
KNOWN_FEATURES: frozenset[str] = frozenset((KERNEL_STARTS, STARTUP_CODE))
"""What `requires` may name."""

_FORMAT = re.compile(r"(\d{1,9})\.(\d{1,9})\Z")
_MAJORS = (1, 2)
_DAMAGED = "the pack is damaged or was not made by lite-env: pack again"


def read_manifest(pack: Path) -> Manifest:
    """Read and check the manifest of a pack.

    Raises:
        ManifestError: there is none, it is of an unknown format, or something in it cannot be.
    """
    return read_manifest_file(pack)[0]


def read_manifest_file(pack: Path) -> tuple[Manifest, bytes]:
    """The manifest of a pack, and the very bytes that it was read from.

    Raises:
        ManifestError: as `read_manifest`.
    """
    try:
        data = read_pack_file(pack, MANIFEST, limit=MAX_MANIFEST_SIZE)
    except ManifestError as error:
        if not isinstance(error.__cause__, OSError) or not is_absence(error.__cause__):
            raise
        raise ManifestError(
            f"'{pack}' is not a pack: its {MANIFEST} cannot be read",
            hint="`lite-env pack ENVIRONMENT_YML -o DIR` makes a pack",
            reason=error.__cause__.strerror,
        ) from error

    def beside(path: str) -> bytes:
        return read_pack_file(pack, path, limit=MAX_STORED_SIZE)

    return parse_manifest(data, beside, file=str(pack / MANIFEST)), data


def parse_manifest(data: bytes, beside: Callable[[str], bytes], *, file: str = MANIFEST) -> Manifest:
    """Parse and check a manifest.

    Args:
        data: the manifest.
        beside: reads another file of its pack; asked for what a manifest of format 1.0 has no hash of.
        file: what the manifest is called in errors.

    Raises:
        ManifestError: as `read_manifest`.
    """
    origin = Origin(what="the manifest", error=ManifestError, file=file, hint=_DAMAGED, max_bytes=MAX_MANIFEST_SIZE)
    document = parse_json(data, origin)
    major = _major(document, file)
    manifest = upgrade(document, beside, origin) if major == 1 else convert(document, Manifest, origin)
    for fault in faults(manifest):
        raise ManifestError(f"the manifest is wrong: {fault}", hint=_DAMAGED, file=file)
    return manifest


def read_index(pack: Path, manifest: Manifest) -> Index:
    """Read and check the index of a pack.

    Raises:
        ManifestError: it is missing, not the one that the manifest names, or malformed.
    """
    raw = read_content(pack, manifest.index)
    index = decode_index(raw, [archive.raw_size for archive in manifest.archives])
    for kernel in manifest.kernels:
        if kernel.startup is not None and not isinstance(index.entries.get(kernel.startup), IndexedFile):
            raise ManifestError(
                f"the start-up code of the kernel '{kernel.name}' is not in the pack",
                hint=_DAMAGED,
                file=kernel.startup,
            )
    return index


def read_content(pack: Path, item: Stored) -> bytes:
    """The uncompressed content of an archive, the index or a kernel's file; both of its hashes are checked.

    Raises:
        ManifestError: the file is missing, truncated or foreign.
    """
    data = read_checked(pack, item)
    return inflate(data, item) if item.compressed else data


def inflate(data: bytes, item: Stored) -> bytes:
    """What the compressed content of `item` becomes; its size and hash are checked.

    Raises:
        ManifestError: it is not zstd, or foreign.
    """
    try:
        # The frame's own word is checked first: it decides how much memory is asked for.
        if zstandard.frame_content_size(data) != item.raw_size:
            raise _foreign(item.path, f"{item.raw_size} bytes uncompressed", "another size")
        raw = zstandard.ZstdDecompressor().decompress(data)
    except zstandard.ZstdError as error:
        raise ManifestError(f"'{item.path}' is not zstd: {error}", hint=_DAMAGED, file=item.path) from error
    except MemoryError as error:
        message = f"'{item.path}' becomes {item.raw_size} bytes, for which there is no memory"
        raise ManifestError(message, hint="read the pack on a larger machine", file=item.path) from error
    digest = sha256_of_bytes(raw)
    if digest != item.digest:
        raise _foreign(item.path, item.digest, digest)
    return raw


def read_checked(pack: Path, item: Stored) -> bytes:
    """A file of the pack as it lies there, of the size and hash that the manifest tells.

    Raises:
        ManifestError: the file is missing, truncated or foreign.
    """
    with open_pack_file(pack, item.path) as stream:
        # Before it is read: what is too large is not to fill the memory.
        size = os.fstat(stream.fileno()).st_size
        if size != item.size:
            raise _foreign(item.path, f"{item.size} bytes", f"{size} bytes")
        try:
            data = stream.read(item.size)
        except OSError as error:
            raise refusal(ManifestError, f"'{item.path}' cannot be read", error, file=item.path) from error
    digest = sha256_of_bytes(data)
    if digest != item.sha256:
        raise _foreign(item.path, item.sha256, digest)
    return data


def _foreign(path: str, expected: str, found: str) -> ManifestError:
    return ManifestError(
        f"'{path}' is not the file that the manifest names",
        hint="it is truncated, or of another pack: copy the pack again",
        expected=expected,
        found=found,
    )


def _major(head: object, file: str) -> int:
    """The major version of a manifest that can be read, whose required features are known."""
    # Looked at before the rest: a pack of a later major version need not have the shape of this one.
    head = head if isinstance(head, dict) else {}
    version = head.get("format")
    match = _FORMAT.match(version) if isinstance(version, str) else None
    if match is None:
        raise ManifestError("the manifest does not tell its format", hint="this is not a pack of lite-env", file=file)
    major = int(match[1])
    if major not in _MAJORS:
        raise ManifestError(
            f"the pack has format {version}; this lite-env reads 1.x and 2.x",
            hint="use the version of lite-env that wrote it, or pack again with this one",
            file=file,
        )
    requires = head.get("requires", [])
    unknown = sorted(set(map(str, requires)) - KNOWN_FEATURES) if isinstance(requires, list) else []
    if SHARED_FILES in unknown:
        raise ManifestError(
            "this is a site's copy of a pack: some of its files lie elsewhere on the site",
            hint="use the pack that the site was made of",
            file=file,
        )
    if unknown:
        raise ManifestError(
            f"the pack requires '{unknown[0]}', which this lite-env does not know",
            hint="use a newer lite-env",
            file=file,
        )
    return major
