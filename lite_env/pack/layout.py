"""The decision which file goes into which archive: a pure function of the environment and the filters.

One sequence of archives a package and kind, each about `ARCHIVE_SIZE`: what imports open (`code`) lies apart from what
they do not (`data`: stubs, templates, licences, fonts), so that an import does not fetch what it never looks at.
Nothing is known here about which package a program imports first: every archive is loaded on demand.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Literal

from lite_env.errors import PackError
from lite_env.lock.model import PLATFORM, packages_digest
from lite_env.pack.archive import END_OF_ARCHIVE, Entry, tar_offsets
from lite_env.pack.filters import FileFilter, default_filter
from lite_env.pack.manifest import Environment, Package
from lite_env.pack.path import is_safe_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from lite_env.prefix.model import KernelSpec, Prefix, PrefixFile, Runtime

ARCHIVE_SIZE = 1 << 20
"""Bytes of an uncompressed archive that are aimed at; a larger file has an archive of its own."""

DEFAULT_LEVEL = 19
"""zstd level: packing is done once, loading often, and decompression is as fast at every level."""

Kind = Literal["code", "data"]

_CODE_SUFFIXES = (".py", ".pyc", ".so", ".pth", ".lua")
# importlib.metadata opens these when a package asks for its own version or for plugins.
_CODE_METADATA = ("METADATA", "PKG-INFO", "entry_points.txt")
_SHOWN = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchivePlan:
    """One archive to be written.

    Attributes:
        packages: names of the packages it holds files of; empty for files that belong to no package.
        kind: see the module's docstring.
        load: ``demand``; ``boot`` and ``import:<module>`` need a profile.
        entries: sorted by path.
        raw_size: bytes of the uncompressed tar.
    """

    packages: tuple[str, ...]
    kind: Kind
    load: str
    entries: tuple[Entry, ...]
    raw_size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class DroppedFile:
    """A file that is not packed, and by which rule; size in bytes."""

    path: str
    size: int
    package: str | None
    rule: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PackPlan:
    """All that is decided before anything is written.

    Attributes:
        root: the prefix the files are in.
        environment, runtime, kernels: what the manifest tells.
        kernel_files: the kernels' own binaries by path; they are served as they are and lie in no archive.
        archives: in the order of the manifest.
        contents: files whose content is not the one on disk, by path: each kernel.json without the build folder.
        dropped: sorted by path.
        level: of zstd.
        warnings: what is probably a mistake.
    """

    root: Path
    environment: Environment
    runtime: Runtime
    kernels: tuple[KernelSpec, ...]
    kernel_files: tuple[PrefixFile, ...]
    archives: tuple[ArchivePlan, ...]
    contents: tuple[tuple[str, bytes], ...]
    dropped: tuple[DroppedFile, ...]
    level: int
    warnings: tuple[str, ...]

    @property
    def file_count(self) -> int:
        """Files and links in the archives."""
        return sum(len(archive.entries) for archive in self.archives)

    @property
    def raw_size(self) -> int:
        """Bytes of all files in archives and of the kernels' binaries."""
        in_archives = sum(entry.size for archive in self.archives for entry in archive.entries)
        return in_archives + sum(file.size for file in self.kernel_files)


def plan_pack(
    prefix: Prefix, *, name: str | None = None, filters: FileFilter | None = None, level: int = DEFAULT_LEVEL
) -> PackPlan:
    """Decide what a pack of `prefix` holds and where.

    Args:
        prefix: the environment.
        name: of the environment; as `prefix` says by default.
        filters: rules added to the default ones.
        level: of zstd, 1 to 22.

    Raises:
        PackError: there is no kernel, or a file cannot be packed.
    """
    if not prefix.kernels:
        raise PackError(
            "the environment has no kernel that can start in a browser",
            hint="add a kernel built for emscripten-wasm32, such as xeus-python",
            prefix=str(prefix.path),
        )
    active = (default_filter() + (filters or FileFilter())).for_packages(package.name for package in prefix.packages)
    binaries = _kernel_binaries(prefix)
    contents = {kernel.spec: kernel.document.encode() for kernel in prefix.kernels}
    kept: list[PrefixFile] = []
    dropped: list[DroppedFile] = []
    # What a kernelspec consists of is never dropped: unpack could not give it back.
    fixed = contents.keys() | {logo for kernel in prefix.kernels for logo in kernel.logos}
    for file in prefix.files:
        if file.path in binaries:
            continue
        rule = None if file.path in fixed else active.dropped_by(file.path, file.package)
        if rule is None:
            kept.append(_checked(file))
        else:
            dropped.append(_dropped(file, rule.identifier, rule.reason))
    kept = [replace(file, size=len(contents[file.path]), link=None) if file.path in contents else file for file in kept]
    return PackPlan(
        root=prefix.path,
        environment=_environment(prefix, name or prefix.name),
        runtime=prefix.runtime,
        kernels=prefix.kernels,
        kernel_files=tuple(binaries[path] for path in sorted(binaries)),
        archives=plan_archives(kept),
        contents=tuple(sorted(contents.items())),
        dropped=tuple(dropped),
        level=level,
        warnings=_warnings(kept),
    )


def plan_archives(files: Iterable[PrefixFile]) -> tuple[ArchivePlan, ...]:
    """Archives for `files`: by package (those of no package last), code before data, in the order of paths."""

    def group(file: PrefixFile) -> tuple[bool, str, Kind]:
        return file.package is None, file.package or "", kind_of(file.path)

    ordered = sorted(files, key=lambda file: (group(file), file.path))
    return tuple(
        ArchivePlan(
            packages=(package,) if package else (),
            kind=kind,
            load="demand",
            entries=tuple(entries),
            raw_size=tar_offsets(entries)[1],
        )
        for (_, package, kind), members in groupby(ordered, key=group)
        for entries in _split([_entry(file) for file in members])
    )


def kind_of(path: str) -> Kind:
    """Whether imports open the file at `path` (``code``) or programs do, if anyone (``data``)."""
    folder, _, base = path.rpartition("/")
    if base.endswith(_CODE_SUFFIXES) or ".so." in base:
        return "code"
    return "code" if base in _CODE_METADATA and folder.endswith((".dist-info", ".egg-info")) else "data"


def _split(entries: Sequence[Entry]) -> Iterable[list[Entry]]:
    """Cut `entries`, in their order, into parts of about `ARCHIVE_SIZE`; a file larger than that is a part alone."""
    part: list[Entry] = []
    size = END_OF_ARCHIVE
    for entry in entries:
        cost = tar_offsets([entry])[1] - END_OF_ARCHIVE
        if END_OF_ARCHIVE + cost > ARCHIVE_SIZE:
            yield [entry]
            continue
        if part and size + cost > ARCHIVE_SIZE:
            yield part
            part, size = [], END_OF_ARCHIVE
        part.append(entry)
        size += cost
    if part:
        yield part


def _entry(file: PrefixFile) -> Entry:
    return Entry(path=file.path, size=file.size, executable=file.executable, link=file.link)


def _kernel_binaries(prefix: Prefix) -> dict[str, PrefixFile]:
    by_path = {file.path: file for file in prefix.files}
    paths = {path for kernel in prefix.kernels for path in (kernel.script, kernel.wasm, kernel.data) if path}
    paths |= {path for kernel in prefix.kernels for _, path in kernel.shared}
    return {path: by_path[path] for path in paths}


def _environment(prefix: Prefix, name: str) -> Environment:
    packages = tuple(
        Package(
            name=package.name,
            version=package.version,
            build=package.build,
            build_number=package.build_number,
            subdir=package.subdir,
            file_name=package.file_name,
            sha256=package.sha256,
            license=package.license,
            depends=package.depends,
        )
        for package in prefix.packages
    )
    digest = packages_digest([(package.subdir, package.file_name, package.sha256 or "") for package in packages])
    return Environment(
        name=name,
        platform=PLATFORM,
        lock_digest=digest,
        requested=prefix.requested,
        variables=dict(prefix.variables),
        packages=packages,
    )


def _checked(file: PrefixFile) -> PrefixFile:
    if not is_safe_path(file.path):
        raise PackError(f"the path '{file.path}' cannot be packed", hint="rename the file, or drop it with a filter")
    return file


def _dropped(file: PrefixFile, rule: str, reason: str) -> DroppedFile:
    return DroppedFile(path=file.path, size=file.size, package=file.package, rule=rule, reason=reason)


def _warnings(kept: Sequence[PrefixFile]) -> tuple[str, ...]:
    local = [file.path for file in kept if file.package is None]
    if not local:
        return ()
    shown = ", ".join(local[:_SHOWN]) + (", …" if len(local) > _SHOWN else "")
    return (f"{len(local)} files belong to no conda package (pip, uv or by hand) and are packed as they are: {shown}",)
