"""The values of a size report, which is kept as JSON and compared with the next one.

Format 1.0, by the rules of the manifest's: another major version is refused, keys of a later minor one are ignored.
Sizes are in bytes; None says that it is not known.
"""

from __future__ import annotations

import msgspec

FORMAT = "1.0"


class _Value(msgspec.Struct, frozen=True, kw_only=True):
    """A value of the report."""


class FileSize(_Value, frozen=True, kw_only=True):
    """One file of a pack.

    Attributes:
        path: in the environment.
        package: that owns it; None where no package does.
        size: of the file.
        packed: its share of the compressed archive, by what it takes of the archive uncompressed.
        archive: position in `SizeReport.archives`; None for a kernel's own file, which lies in none.
    """

    path: str
    package: str | None
    size: int
    packed: int
    archive: int | None


class PackageSize(_Value, frozen=True, kw_only=True):
    """One package.

    Attributes:
        name, version, build, subdir, file_name, manager, license, sha256: as of `SubjectPackage`.
        download: of the package file; a pack does not know it.
        files: how many files of it are packed; a lock does not know that, nor what follows.
        size: of these files.
        packed: of these files, as `FileSize.packed`.
        boot: of these files, what the start of any kernel loads.
    """

    name: str
    version: str
    build: str
    subdir: str
    file_name: str
    manager: str
    license: str | None
    sha256: str | None
    download: int | None = None
    files: int | None = None
    size: int | None = None
    packed: int | None = None
    boot: int | None = None


class ArchiveSize(_Value, frozen=True, kw_only=True):
    """One archive.

    Attributes:
        load: ``interpreter``, ``kernel``, ``import`` or ``demand``.
        kernels: whose start loads it.
        imports: whose import loads it, of the modules that were traced.
        size: of the uncompressed tar.
        packed: of the compressed file.
        packages: how many entries of each package it holds.
    """

    digest: str
    load: str
    kernels: tuple[str, ...]
    imports: tuple[str, ...]
    size: int
    packed: int
    packages: dict[str, int]


class BootFile(_Value, frozen=True, kw_only=True):
    """One request before the first cell.

    Attributes:
        what: ``manifest``, ``index``, ``interpreter`` or ``kernel`` for an archive, ``snapshot``, ``restore`` for an
            archive that the snapshot needs, or the role of a kernel's own file.
        path: in the pack.
        size: bytes as they lie there.
        package: whose file it is, of a kernel's own.
    """

    what: str
    path: str
    size: int
    package: str | None = None


class KernelBoot(_Value, frozen=True, kw_only=True):
    """What the start of one kernel loads of a pack.

    Attributes:
        traced: whether it is known what the start opens; otherwise `files` are the least that it loads.
        files: one a request, the most bytes first.
    """

    name: str
    display_name: str
    language: str
    traced: bool
    files: tuple[BootFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all of them."""
        return sum(file.size for file in self.files)


class ImportCost(_Value, frozen=True, kw_only=True):
    """What the first import of a traced module loads after the start, at most: who has an archive loads it no more."""

    module: str
    requests: int
    packed: int


class Filtered(_Value, frozen=True, kw_only=True):
    """What one rule left out of a pack."""

    rule: str
    reason: str
    files: int
    size: int


class SizeReport(_Value, frozen=True, kw_only=True):
    """What a lock or a pack weighs; of a lock all that only a pack can tell is empty or None.

    Attributes:
        format: of this report.
        kind: ``lock`` or ``pack``.
        name, platform, lock_digest: of the environment.
        requested: what was asked for, sorted.
        packages: sorted by name.
        kernels: in the order of the manifest.
        archives: in the order of the manifest.
        imports: the most bytes first.
        files: by path.
        manifest, index: bytes of the two.
        packed: bytes of all that a kernel can ask for, the manifest not among them.
        size: bytes of all files.
        profile: whether the order of files was traced.
        bytecode: whether modules are packed compiled.
        filtered: what was left out, the most bytes first; None where that is not known.
    """

    format: str
    kind: str
    name: str
    platform: str
    lock_digest: str
    requested: tuple[str, ...]
    packages: tuple[PackageSize, ...]
    kernels: tuple[KernelBoot, ...] = ()
    archives: tuple[ArchiveSize, ...] = ()
    imports: tuple[ImportCost, ...] = ()
    files: tuple[FileSize, ...] = ()
    manifest: int | None = None
    index: int | None = None
    packed: int | None = None
    size: int | None = None
    profile: bool | None = None
    bytecode: bool | None = None
    filtered: tuple[Filtered, ...] | None = None

    @property
    def download(self) -> int | None:
        """Bytes of all package files; None where one of them is not known."""
        sizes = [package.download for package in self.packages]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    @property
    def by_size(self) -> tuple[PackageSize, ...]:
        """The packages, the largest first: of a lock by their files, of a pack by what is packed."""

        def size(package: PackageSize) -> int:
            return (package.download if self.kind == "lock" else package.packed) or 0

        return tuple(sorted(self.packages, key=lambda package: (-size(package), package.name)))

    def largest(self, count: int) -> tuple[FileSize, ...]:
        """The files that take most, packed."""
        return tuple(sorted(self.files, key=lambda file: (-file.packed, file.path))[:count])
