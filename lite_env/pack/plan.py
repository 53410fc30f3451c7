"""The decision what a pack holds and where: a pure function of environment, filters, bytecode and profile.

:mod:`lite_env.pack.layout` decides which file lies beside which.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lite_env.errors import PackError
from lite_env.lock.model import PLATFORM, packages_digest
from lite_env.pack.bytecode import bytecode_path, source_path
from lite_env.pack.layout import lay_out
from lite_env.pack.manifest import Environment, Package
from lite_env.pack.mounts import NOTHING_MOUNTED
from lite_env.pack.path import name_fault
from lite_env.pack.selection import select_files
from lite_env.prefix.model import PrefixFile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lite_env.pack.bytecode import Bytecode
    from lite_env.pack.filters import FileFilter
    from lite_env.pack.layout import ArchivePlan, Order
    from lite_env.pack.manifest import KernelStart
    from lite_env.pack.mounts import Mounted
    from lite_env.pack.profile import Profile
    from lite_env.pack.selection import DroppedFile, Selection
    from lite_env.prefix.model import KernelSpec, Prefix

DEFAULT_LEVEL = 19
"""zstd level: packing is done once, loading often, and decompression is as fast at every level."""

_SHOWN = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class PackPlan:
    """All that is decided before anything is written.

    Attributes:
        root: the prefix the files are in.
        environment, kernels: what the manifest tells.
        kernel_files: the kernels' own binaries by path; they are served as they are and lie in no archive.
        archives: in the order of the manifest.
        imports: positions of the archives that the import of a traced module needs besides those of its kernel's start.
        starts: positions of the archives that each kernel's start loads, by the kernel's name.
        contents: files whose content is not the one on disk, by path: each kernel.json without the build folder, and
            bytecode.
        profile: digest of the profile that the order follows; None where nothing was traced.
        bytecode: whether modules are packed compiled.
        dropped: sorted by path.
        level: of zstd.
        warnings: what is probably a mistake.
        owners: the package of each of the kernels' own files, by path; without those that no package owns.
        mounted: files that do not lie below `root`.
        preload: modules that snapshots of kernels of Python have imported.
    """

    root: Path
    environment: Environment
    kernels: tuple[KernelSpec, ...]
    kernel_files: tuple[PrefixFile, ...]
    archives: tuple[ArchivePlan, ...]
    imports: Mapping[str, tuple[int, ...]]
    starts: Mapping[str, KernelStart]
    contents: Mapping[str, bytes]
    profile: str | None
    bytecode: bool
    dropped: tuple[DroppedFile, ...]
    level: int
    warnings: tuple[str, ...]
    owners: Mapping[str, str]
    mounted: Mounted = NOTHING_MOUNTED
    preload: tuple[str, ...] = ()

    def read(self, path: str) -> bytes:
        """What is packed of the file at `path`."""
        content = self.contents.get(path)
        if content is None:
            content = self.mounted.read(path) if path in self.mounted.sources else (self.root / path).read_bytes()
        return content

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
    prefix: Prefix,
    *,
    name: str | None = None,
    filters: FileFilter | None = None,
    selection: Selection | None = None,
    level: int = DEFAULT_LEVEL,
    bytecode: Bytecode | None = None,
    profile: Profile | None = None,
    order: Order = "fused",
    preload: Sequence[str] = (),
) -> PackPlan:
    """Decide what a pack of `prefix` holds and where.

    Args:
        prefix: the environment.
        name: of the environment; as `prefix` says by default.
        filters: rules added to the default ones.
        selection: what `select_files` chose with them, where that is known.
        level: of zstd, 1 to 22.
        bytecode: compiled modules; None packs sources only.
        profile: what was traced; None for an order that knows nothing of programs.
        order: see `lay_out`.
        preload: modules that snapshots of kernels of Python have imported.

    Raises:
        PackError: there is no kernel, a file cannot be packed, or the name cannot be that of a folder.
    """
    fault = name_fault(name or prefix.name)
    if fault is not None:
        raise PackError(
            f"the environment's name {name or prefix.name!r} cannot be that of a folder, as which a site would serve"
            f" it: {fault}",
            hint="choose another with --name NAME, or with `name:` in the environment file",
        )
    chosen = selection or select_files(prefix, filters)
    kept, contents = list(chosen.kept), dict(chosen.contents)
    if bytecode is not None:
        kept = _with_bytecode(kept, bytecode, contents)
    languages = {kernel.name: kernel.language for kernel in prefix.kernels}
    layout = lay_out(kept, profile=profile, order=order, languages=languages)
    return PackPlan(
        root=prefix.path,
        environment=_environment(prefix, name or prefix.name),
        kernels=prefix.kernels,
        kernel_files=chosen.kernel_files,
        archives=layout.archives,
        imports=layout.imports,
        starts=layout.starts,
        contents=dict(sorted(contents.items())),
        profile=profile.digest if profile else None,
        bytecode=bytecode is not None,
        dropped=chosen.dropped,
        level=level,
        warnings=_warnings(kept, chosen.mounted),
        owners=_owners(prefix),
        mounted=chosen.mounted,
        preload=tuple(preload),
    )


def _with_bytecode(kept: Sequence[PrefixFile], bytecode: Bytecode, contents: dict[str, bytes]) -> list[PrefixFile]:
    """`kept` and the bytecode of its modules, whose contents are added to `contents`; what was there is replaced."""
    by_path = {file.path: file for file in kept}
    for source, data in bytecode.files.items():
        owner = by_path.get(source)
        if owner is None:
            continue
        path = bytecode_path(source, bytecode.tag)
        contents[path] = data
        by_path[path] = PrefixFile(path=path, size=len(data), package=owner.package)
    return sorted(by_path.values(), key=lambda file: file.path)


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
            manager=package.manager,
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


def _owners(prefix: Prefix) -> dict[str, str]:
    own = {path for kernel in prefix.kernels for path in kernel.paths}
    return {file.path: file.package for file in prefix.files if file.path in own and file.package is not None}


def _warnings(kept: Sequence[PrefixFile], mounted: Mounted) -> tuple[str, ...]:
    empty = tuple(f"nothing is mounted at '{target}': the folder holds no file" for target in mounted.empty)
    local = [file.path for file in kept if file.package is None and not _is_mounted(file.path, mounted)]
    if not local:
        return empty
    shown = ", ".join(local[:_SHOWN]) + (", …" if len(local) > _SHOWN else "")
    return (f"{len(local)} files belong to no package and are packed as they are: {shown}", *empty)


def _is_mounted(path: str, mounted: Mounted) -> bool:
    """Whether a file is mounted, or is the bytecode of one that is."""
    return path in mounted.sources or (source_path(path) or path) in mounted.sources
