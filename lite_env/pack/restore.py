"""The inverse of packing: the environment out of its pack, every byte checked on the way.

Packing what comes out gives the same bytes, provided the same filters: what they dropped is not in the pack.
"""

from __future__ import annotations

import io
import tarfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from lite_env.errors import ManifestError, PackError
from lite_env.pack.bytecode import source_path
from lite_env.pack.index import IndexedFile, IndexedLink
from lite_env.pack.owners import owners_in_order
from lite_env.pack.path import is_of_records
from lite_env.pack.reader import read_content, read_index, read_manifest
from lite_env.prefix.model import InstalledPackage
from lite_env.prefix.record import WheelFileRecord, write_environment, write_package
from lite_env.progress import SILENT
from lite_env.store.atomic import new_directory
from lite_env.store.refusals import hint_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lite_env.pack.index import Index
    from lite_env.pack.manifest import File, Manifest
    from lite_env.progress import Reporter, Task

_HINT = "the pack is damaged or was not made by lite-env: pack again"


def unpack(pack: Path, output: Path, *, reporter: Reporter = SILENT) -> Manifest:
    """Write the environment that `pack` holds into the new folder `output`.

    Raises:
        ManifestError: a file of the pack is missing, foreign or contradicts another.
        PackError: `output` is not empty, or cannot hold the environment.
    """
    manifest = read_manifest(pack)
    index = read_index(pack, manifest)
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise PackError(f"'{output}' exists and is not empty", hint="choose a new folder with -o")
    _check_no_records([*index.entries, *(file.source for file in _files(manifest))])
    for file in _binaries(manifest):
        _check_free(file.source, index)
    total = sum(archive.raw_size for archive in manifest.archives)
    with new_directory(output) as staging, reporter.task("unpacking", total, "B") as task:
        try:
            _restore(pack, manifest, index, staging, task)
        except FileExistsError as error:
            raise PackError(
                f"two files of the environment have one name here: {error.filename}",
                hint="this file system does not tell upper from lower case: unpack on one that does",
            ) from error
        except OSError as error:
            place = Path(error.filename or output)
            named = output / place.relative_to(staging) if place.is_relative_to(staging) else place
            raise PackError(f"'{named}' cannot be written: {error.strerror}", hint=hint_of(error.errno)) from error
    return manifest


def _restore(pack: Path, manifest: Manifest, index: Index, staging: Path, task: Task) -> None:
    owned: dict[str, list[str]] = {package.name: [] for package in manifest.environment.packages}
    seen: set[str] = set()
    for number in range(len(manifest.archives)):
        paths = _restore_archive(pack, manifest, index, number, staging)
        seen.update(paths)
        for path, owner in owners_in_order(manifest.archives[number].packages, paths):
            if owner is not None and not _is_made(path, manifest, index):
                owned[owner].append(path)
        task.advance(manifest.archives[number].raw_size)
    absent = sorted(index.entries.keys() - seen)
    if absent:
        raise ManifestError(f"'{absent[0]}' is in the index but in no archive", hint=_HINT, file=absent[0])
    for file in _binaries(manifest):
        _restore_binary(pack, file, staging, owned)
    _write_records(manifest, owned, staging)
    # Links come last: nothing is ever written through one.
    for path, entry in index.entries.items():
        if isinstance(entry, IndexedLink):
            _place(staging, path).symlink_to(entry.target)
    _check_kernelspecs(pack, manifest, staging, index)


def _is_made(path: str, manifest: Manifest, index: Index) -> bool:
    """Whether the file was made by packing: an environment that is unpacked, and may be changed, is without it."""
    return manifest.bytecode and source_path(path) in index.entries


def _restore_archive(pack: Path, manifest: Manifest, index: Index, number: int, staging: Path) -> list[str]:
    """Write the files of one archive; return the paths of all of its entries, links too."""
    archive = manifest.archives[number]
    raw = read_content(pack, archive)
    paths = []
    try:
        with tarfile.open(fileobj=io.BytesIO(raw), mode="r:", encoding="utf-8", errors="strict") as tar:
            for member in tar:
                _check_member(member, index.entries.get(member.name), number, archive.path)
                paths.append(member.name)
    except (tarfile.TarError, ValueError) as error:
        raise ManifestError(f"'{archive.path}' is not a tar: {error}", hint=_HINT, file=archive.path) from error
    for path in paths:
        entry = index.entries[path]
        if isinstance(entry, IndexedFile) and not _is_made(path, manifest, index):
            _write(staging, path, raw[entry.offset : entry.offset + entry.size], executable=entry.executable)
    return paths


def _check_member(member: tarfile.TarInfo, entry: IndexedFile | IndexedLink | None, number: int, archive: str) -> None:
    """The archive and the index must tell the same about an entry."""
    if isinstance(entry, IndexedLink):
        same = member.issym() and member.linkname == entry.target
    else:
        same = (
            entry is not None
            and member.isreg()
            and (member.size, member.offset_data) == (entry.size, entry.offset)
            and entry.archive == number
            and bool(member.mode & 0o100) == entry.executable
        )
    if not same:
        raise ManifestError(
            f"the index and '{archive}' contradict each other about '{member.name}'", hint=_HINT, file=member.name
        )


def _files(manifest: Manifest) -> Iterator[File]:
    return (file for kernel in manifest.kernels for file in kernel.files)


def _binaries(manifest: Manifest) -> Iterator[File]:
    # Not those of the manifest's own property: two kernels may have the same file in different places.
    return (file for file in _files(manifest) if file.compressed)


def _restore_binary(pack: Path, file: File, staging: Path, owned: Mapping[str, list[str]]) -> None:
    content = read_content(pack, file)
    target = staging / file.source
    # Several kernels may have one file.
    if target.is_file() and target.read_bytes() == content:
        return
    _write(staging, file.source, content, executable=False)
    if file.package is not None and file.package in owned:
        owned[file.package].append(file.source)


def _check_kernelspecs(pack: Path, manifest: Manifest, staging: Path, index: Index) -> None:
    for file in _files(manifest):
        if not file.compressed:
            _check_same(pack, file, staging, index)


def _check_same(pack: Path, file: File, staging: Path, index: Index) -> None:
    """The file beside a kernel is the same as the one in the environment, links of the environment followed."""
    content = read_content(pack, file)
    try:
        same = file.source in index.entries and (staging / file.source).read_bytes() == content
    except OSError:
        same = False
    if not same:
        raise ManifestError(f"'{file.path}' is not the environment's '{file.source}'", hint=_HINT, file=file.path)


def _check_no_records(paths: Iterable[str]) -> None:
    """No file lies where the records of the packages do, whatever a file system takes for the same name."""
    for path in paths:
        if is_of_records(path):
            raise ManifestError(
                f"the pack has the file '{path}', where the records of the environment are to lie",
                hint="the pack is damaged or hostile: no environment is packed with such a file",
                file=path,
            )


def _check_free(source: str, index: Index) -> None:
    parents = {str(parent) for parent in PurePosixPath(source).parents}
    for taken in (source, *sorted(parents)):
        if taken in index.entries:
            raise ManifestError(f"'{source}' would lie on or below the file '{taken}'", hint=_HINT, file=source)


def _write(staging: Path, path: str, content: bytes | memoryview, *, executable: bool) -> None:
    target = _place(staging, path)
    with target.open("xb") as stream:
        stream.write(content)
    # Explicit, so that a strict umask cannot change what a pack of the result would be.
    target.chmod(0o755 if executable else 0o644)


def _place(staging: Path, path: str) -> Path:
    target = staging / path
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def _write_records(manifest: Manifest, owned: Mapping[str, list[str]], staging: Path) -> None:
    environment = manifest.environment
    for package in environment.packages:
        if package.manager != "conda":
            continue
        write_package(
            staging,
            InstalledPackage(
                name=package.name,
                version=package.version,
                build=package.build,
                build_number=package.build_number,
                subdir=package.subdir,
                file_name=package.file_name,
                sha256=package.sha256,
                license=package.license,
                depends=package.depends,
                files=tuple(sorted(owned[package.name])),
            ),
        )
    write_environment(
        staging,
        name=environment.name,
        lock_digest=environment.lock_digest,
        requested=environment.requested,
        variables=environment.variables,
        wheels={
            package.name: WheelFileRecord(file_name=package.file_name, sha256=package.sha256)
            for package in environment.packages
            if package.manager == "wheel" and package.sha256
        },
    )
