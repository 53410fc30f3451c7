"""What a lock or a pack weighs: by package and file, by archive, at the start of each kernel, at each import.

Archives hold files of several packages inside one frame of zstd, so what one file takes of it compressed can only be
shared out: each has the part of the compressed archive that it has of the uncompressed one. The parts add up to the
archive, byte for byte.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from lite_env.errors import ReportError
from lite_env.pack.archive import Entry, entry_size
from lite_env.pack.index import IndexedFile
from lite_env.pack.owners import read_owners
from lite_env.pack.reader import MANIFEST, read_index, read_manifest_file
from lite_env.report.model import (
    FORMAT,
    ArchiveSize,
    BootFile,
    FileSize,
    ImportCost,
    KernelBoot,
    PackageSize,
    SizeReport,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from lite_env.pack.index import Index
    from lite_env.pack.manifest import Kernel, Manifest
    from lite_env.report.model import Filtered
    from lite_env.report.subject import Subject, SubjectPackage


def measure(subject: Subject, *, filtered: tuple[Filtered, ...] | None = None) -> SizeReport:
    """Weigh a lock or a pack; a pack is read whole, and all its archives are checked.

    Args:
        subject: the lock or pack.
        filtered: what was left out of the pack, where that is known.

    Raises:
        ManifestError: a file of the pack is missing or foreign.
    """
    requested = tuple(root.spec for root in subject.roots)
    if subject.manifest is None:
        return SizeReport(
            format=FORMAT,
            kind=subject.kind,
            name=subject.name,
            platform=subject.platform,
            lock_digest=subject.digest,
            requested=requested,
            packages=tuple(_package(package, None) for package in subject.packages),
        )
    manifest, text = read_manifest_file(subject.path)
    if manifest != subject.manifest:
        raise ReportError(f"'{subject.path}' changed while it was read", hint="try again when it is written")
    files = _files(manifest, read_index(subject.path, manifest), read_owners(subject.path, manifest))
    boot = {position for kernel in manifest.kernels for position in kernel.loaded}
    by_package: dict[str, list[FileSize]] = defaultdict(list)
    for file in files:
        if file.package is not None:
            by_package[file.package].append(file)
    return SizeReport(
        format=FORMAT,
        kind=subject.kind,
        name=subject.name,
        platform=subject.platform,
        lock_digest=subject.digest,
        requested=requested,
        packages=tuple(_package(package, by_package[package.name], boot) for package in subject.packages),
        kernels=tuple(_boot(manifest, kernel, len(text)) for kernel in manifest.kernels),
        archives=_archives(manifest),
        imports=_imports(manifest),
        files=files,
        manifest=len(text),
        index=manifest.index.size,
        packed=manifest.total_size,
        size=sum(file.size for file in files),
        profile=manifest.profile is not None,
        bytecode=manifest.bytecode,
        filtered=filtered,
    )


def _package(package: SubjectPackage, files: Sequence[FileSize] | None, boot: Collection[int] = ()) -> PackageSize:
    facts: dict[str, int] = {}
    if files is not None:
        facts = {
            "files": len(files),
            "size": sum(file.size for file in files),
            "packed": sum(file.packed for file in files),
            # A kernel's own files are loaded at its start.
            "boot": sum(file.packed for file in files if file.archive is None or file.archive in boot),
        }
    return PackageSize(
        name=package.name,
        version=package.version,
        build=package.build,
        subdir=package.subdir,
        file_name=package.file_name,
        manager=package.manager,
        license=package.license,
        sha256=package.sha256,
        download=package.size,
        **facts,
    )


def _files(manifest: Manifest, index: Index, owners: Mapping[str, str | None]) -> tuple[FileSize, ...]:
    inside: list[list[tuple[str, IndexedFile]]] = [[] for _ in manifest.archives]
    for path, entry in index.entries.items():
        if isinstance(entry, IndexedFile):
            inside[entry.archive].append((path, entry))
    found: list[FileSize] = []
    for position, members in enumerate(inside):
        members.sort(key=lambda item: (item[1].offset, item[0]))
        shares = share_out(
            manifest.archives[position].size,
            [entry_size(Entry(path=path, size=entry.size)) for path, entry in members],
        )
        found += (
            FileSize(path=path, package=owners.get(path), size=entry.size, packed=share, archive=position)
            for (path, entry), share in zip(members, shares, strict=True)
        )
    # What several kernels have lies once; kernel.json and logos are in the archives as well.
    binaries = (
        FileSize(path=file.source, package=file.package, size=file.raw_size, packed=file.size, archive=None)
        for file in manifest.binaries
    )
    return tuple(sorted((*found, *binaries), key=lambda file: (file.path, file.archive is None)))


def share_out(total: int, weights: Sequence[int]) -> list[int]:
    """`total` in whole parts, as `weights` (each above 0) are to each other; the parts add up to `total`."""
    whole, before, at, parts = sum(weights), 0, 0, []
    for weight in weights:
        at += weight
        upto = total * at // whole
        parts.append(upto - before)
        before = upto
    return parts


def _boot(manifest: Manifest, kernel: Kernel, manifest_size: int) -> KernelBoot:
    archives = manifest.archives
    binaries = {
        file.path: BootFile(what=file.role, path=file.path, size=file.size, package=file.package)
        for file in kernel.binaries
    }
    snapshot = kernel.snapshot
    files = [
        BootFile(what="manifest", path=MANIFEST, size=manifest_size),
        BootFile(what="index", path=manifest.index.path, size=manifest.index.size),
        *binaries.values(),
        *(
            BootFile(what=phase, path=archives[position].path, size=archives[position].size)
            for phase, positions in _phases(kernel)
            for position in positions
        ),
        *([BootFile(what="snapshot", path=snapshot.path, size=snapshot.size)] if snapshot else []),
    ]
    return KernelBoot(
        name=kernel.name,
        display_name=kernel.display_name,
        language=kernel.language,
        traced=manifest.profile is not None,
        files=tuple(sorted(files, key=lambda file: (-file.size, file.path))),
    )


def _phases(kernel: Kernel) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """What archives are loaded for, and where they are."""
    if kernel.snapshot is not None:
        return (("restore", kernel.snapshot.archives),)
    return ("interpreter", kernel.start.interpreter), ("kernel", kernel.start.kernel)


def _archives(manifest: Manifest) -> tuple[ArchiveSize, ...]:
    kernels, imports = defaultdict(list), defaultdict(list)
    for kernel in manifest.kernels:
        for position in kernel.loaded:
            kernels[position].append(kernel.name)
    for module, positions in manifest.imports.items():
        for position in positions:
            imports[position].append(module)
    return tuple(
        ArchiveSize(
            digest=archive.digest,
            load=archive.load,
            kernels=tuple(kernels[position]),
            imports=tuple(sorted(imports[position])),
            size=archive.raw_size,
            packed=archive.size,
            packages=dict(sorted(archive.packages.items())),
        )
        for position, archive in enumerate(manifest.archives)
    )


def _imports(manifest: Manifest) -> tuple[ImportCost, ...]:
    costs = (
        ImportCost(
            module=module,
            requests=len(positions),
            packed=sum(manifest.archives[position].size for position in positions),
        )
        for module, positions in manifest.imports.items()
    )
    return tuple(sorted(costs, key=lambda cost: (-cost.packed, cost.module)))
