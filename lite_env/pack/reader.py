"""Reading a pack without trusting it: format, schema, paths, sizes and hashes are checked before anything is used.

Version policy (semantic versions of the *format*): another major is refused; a feature in `requires` that is not known
is refused; a later minor is read, its unknown keys ignored.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import zstandard

from lite_env.errors import ManifestError
from lite_env.lock.model import packages_digest
from lite_env.pack.index import Index, decode_index
from lite_env.pack.manifest import FORMAT_MAJOR, LOADS, File, Kernel, Manifest
from lite_env.pack.path import is_safe_component, is_safe_path
from lite_env.store.digest import is_sha256, sha256_of_bytes
from lite_env.store.text import MAX_BYTES, Origin, convert, parse_json, read_bounded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from lite_env.pack.manifest import Archive, IndexFile

MANIFEST = "manifest.json"
KNOWN_FEATURES: frozenset[str] = frozenset()
"""What `requires` may name; empty as long as there is one version of the format."""

MAX_RAW_SIZE = 1 << 32
"""Bytes beyond which no archive can be meant for a browser: wasm32 addresses 4 GiB."""

_FORMAT = re.compile(r"(\d{1,9})\.(\d{1,9})\Z")
_DAMAGED = "the pack is damaged or was not made by lite-env: pack again"


def read_manifest(pack: Path) -> Manifest:
    """Read and check the manifest of a pack.

    Raises:
        ManifestError: there is none, it is of an unknown format, or something in it cannot be.
    """
    path = pack / MANIFEST
    try:
        data = read_bounded(path, Origin(what="the manifest", error=ManifestError, file=str(path), hint=_DAMAGED))
    except OSError as error:
        raise ManifestError(
            f"'{pack}' is not a pack: its {MANIFEST} cannot be read",
            hint="`lite-env pack ENVIRONMENT_YML -o DIR` makes a pack",
            reason=error.strerror,
        ) from error
    return parse_manifest(data, file=str(path))


def parse_manifest(data: bytes, *, file: str = MANIFEST) -> Manifest:
    """Parse and check a manifest; `file` is what it is called in errors.

    Raises:
        ManifestError: as `read_manifest`.
    """
    origin = Origin(what="the manifest", error=ManifestError, file=file, hint=_DAMAGED)
    document = parse_json(data, origin)
    _check_format(document, file)
    manifest = convert(document, Manifest, origin)
    for fault in _faults(manifest):
        raise ManifestError(f"the manifest is wrong: {fault}", hint=_DAMAGED, file=file)
    return manifest


def read_index(pack: Path, manifest: Manifest) -> Index:
    """Read and check the index of a pack.

    Raises:
        ManifestError: it is missing, not the one that the manifest names, or malformed.
    """
    if manifest.index.raw_size > MAX_BYTES:
        # Before it is inflated: 64 KiB of zeros become 4 GiB.
        raise ManifestError(
            f"the index of the pack has {manifest.index.raw_size:,} bytes, where {MAX_BYTES:,} are the most",
            hint=_DAMAGED,
            file=manifest.index.path,
        )
    raw = read_compressed(pack, manifest.index)
    return decode_index(raw, [archive.raw_size for archive in manifest.archives])


def read_compressed(pack: Path, item: Archive | IndexFile | File) -> bytes:
    """The uncompressed content of an archive, the index or a kernel's binary; both of its hashes are checked.

    Raises:
        ManifestError: the file is missing, truncated or foreign.
    """
    return inflate(read_checked(pack, item.path, item.size, item.sha256), item)


def inflate(data: bytes, item: Archive | IndexFile | File) -> bytes:
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
    digest = sha256_of_bytes(raw)
    if digest != item.digest:
        raise _foreign(item.path, item.digest, digest)
    return raw


def read_checked(pack: Path, path: str, size: int, sha256: str) -> bytes:
    """The content of a file of the pack, of the size (bytes) and hash that the manifest tells.

    Raises:
        ManifestError: the file is missing, truncated or foreign.
    """
    try:
        data = (pack / path).read_bytes()
    except OSError as error:
        raise ManifestError(
            f"the pack lacks '{path}'", hint="it was not copied completely", file=path, reason=error.strerror
        ) from error
    if len(data) != size:
        raise _foreign(path, f"{size} bytes", f"{len(data)} bytes")
    digest = sha256_of_bytes(data)
    if digest != sha256:
        raise _foreign(path, sha256, digest)
    return data


def _foreign(path: str, expected: str, found: str) -> ManifestError:
    return ManifestError(
        f"'{path}' is not the file that the manifest names",
        hint="it is truncated, or of another pack: copy the pack again",
        expected=expected,
        found=found,
    )


def _check_format(head: object, file: str) -> None:
    # Looked at before the rest: a pack of a later major version need not have the shape of this one.
    head = head if isinstance(head, dict) else {}
    version = head.get("format")
    match = _FORMAT.match(version) if isinstance(version, str) else None
    if match is None:
        raise ManifestError("the manifest does not tell its format", hint="this is not a pack of lite-env", file=file)
    if int(match[1]) != FORMAT_MAJOR:
        raise ManifestError(
            f"the pack has format {version}; this lite-env reads {FORMAT_MAJOR}.x",
            hint="use the version of lite-env that wrote it, or pack again with this one",
            file=file,
        )
    requires = head.get("requires", [])
    unknown = sorted(str(name) for name in requires if name not in KNOWN_FEATURES) if isinstance(requires, list) else []
    if unknown:
        raise ManifestError(
            f"the pack requires '{unknown[0]}', which this lite-env does not know",
            hint="use a newer lite-env",
            file=file,
        )


def _faults(manifest: Manifest) -> Iterator[str]:
    """What cannot be, each with the path to it, most basic first."""
    yield from _environment_faults(manifest)
    for number, archive in enumerate(manifest.archives):
        where = f"archives[{number}]"
        yield from _compressed_faults(archive, where)
        if archive.load not in LOADS:
            yield f"{where}.load is '{archive.load}'"
        names = {package.name for package in manifest.environment.packages}
        unknown = [name for name in archive.packages if name not in names]
        if unknown:
            yield f"{where}.packages names '{unknown[0]}', which environment.packages does not"
        if any(count < 1 for count in archive.packages.values()):
            yield f"{where}.packages counts no entries"
    yield from _duplicates((archive.digest for archive in manifest.archives), "archives", "digest")
    yield from _compressed_faults(manifest.index, "index")
    yield from _import_faults(manifest)
    yield from _duplicates((kernel.name for kernel in manifest.kernels), "kernels", "name")
    if not manifest.kernels:
        yield "kernels is empty"
    for number, kernel in enumerate(manifest.kernels):
        yield from _kernel_faults(kernel, f"kernels[{number}]")
    for name, mount in (("prefix", manifest.mounts.prefix), ("drive", manifest.mounts.drive)):
        if not mount.startswith("/") or (mount != "/" and not is_safe_path(mount[1:])):
            yield f"mounts.{name} is '{mount}', not an absolute path"


def _import_faults(manifest: Manifest) -> Iterator[str]:
    for module, positions in manifest.imports.items():
        where = f"imports[{module!r}]"
        if not all(0 <= position < len(manifest.archives) for position in positions):
            yield f"{where} names an archive that is not there"
        elif any(manifest.archives[position].load != "import" for position in positions):
            yield f"{where} names an archive that is not loaded by imports"
    if manifest.profile is not None and not is_sha256(manifest.profile):
        yield "profile is not a SHA-256"


def _environment_faults(manifest: Manifest) -> Iterator[str]:
    packages = manifest.environment.packages
    yield from _duplicates((package.name for package in packages), "environment.packages", "name")
    for number, package in enumerate(packages):
        where = f"environment.packages[{number}]"
        for key, text in (("name", package.name), ("version", package.version), ("build", package.build)):
            if not is_safe_component(text):
                yield f"{where}.{key} is {text!r}"
        if not is_safe_component(package.file_name):
            yield f"{where}.file_name is {package.file_name!r}"
    digest = packages_digest([(package.subdir, package.file_name, package.sha256 or "") for package in packages])
    if digest != manifest.environment.lock_digest:
        yield "environment.lock_digest is not that of environment.packages"


def _compressed_faults(item: Archive | IndexFile | File, where: str) -> Iterator[str]:
    if not is_sha256(item.digest):
        yield f"{where}.digest is not a SHA-256"
    if not is_sha256(item.sha256):
        yield f"{where}.sha256 is not a SHA-256"
    if item.size <= 0 or not 0 < item.raw_size <= MAX_RAW_SIZE:
        yield f"{where} has impossible sizes"


def _kernel_faults(kernel: Kernel, where: str) -> Iterator[str]:
    if not is_safe_component(kernel.name):
        yield f"{where}.name is {kernel.name!r}"
        return
    folder = f"kernels/{kernel.name}/"
    for path in (kernel.spec, *kernel.logos):
        if not is_safe_path(path) or not path.startswith(folder):
            yield f"{where} has the path '{path}', which is not below '{folder}'"
    files: list[tuple[str, File | None]] = [("script", kernel.script), ("wasm", kernel.wasm), ("data", kernel.data)]
    files += [(f"shared[{name!r}]", file) for name, file in kernel.shared.items()]
    for key, file in files:
        if file is None:
            continue
        if not is_safe_path(file.path) or not file.path.startswith(folder):
            yield f"{where}.{key}.path is '{file.path}', which is not below '{folder}'"
        if not is_safe_path(file.source):
            yield f"{where}.{key}.source is '{file.source}', which leaves the environment"
        yield from _compressed_faults(file, f"{where}.{key}")


def _duplicates(values: Iterable[str], where: str, key: str) -> Iterator[str]:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            yield f"two of {where} have the {key} '{value}'"
        seen.add(value)
