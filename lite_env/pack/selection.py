"""Which files of an environment are packed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lite_env.errors import PackError
from lite_env.pack.filters import FileFilter, default_filter
from lite_env.pack.limits import MAX_RAW_SIZE
from lite_env.pack.mounts import NOTHING_MOUNTED, refuse_collisions
from lite_env.pack.path import is_of_records, is_safe_path
from lite_env.prefix.families import example_package

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lite_env.pack.mounts import Mounted
    from lite_env.prefix.model import Prefix, PrefixFile


@dataclass(frozen=True, kw_only=True, slots=True)
class DroppedFile:
    """A file that is not packed, and by which rule; size in bytes."""

    path: str
    size: int
    package: str | None
    rule: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """What of an environment is packed; all by path.

    Attributes:
        kept: for the archives; what is mounted is among them.
        kernel_files: the kernels' own binaries.
        contents: files whose content is not the one on disk: each kernel.json without the build folder, and what is
            behind logos that are links.
        dropped: by filters.
        mounted: files that are not the environment's own; no filter drops them.
    """

    kept: tuple[PrefixFile, ...]
    kernel_files: tuple[PrefixFile, ...]
    contents: Mapping[str, bytes]
    dropped: tuple[DroppedFile, ...]
    mounted: Mounted = NOTHING_MOUNTED


def select_files(prefix: Prefix, filters: FileFilter | None = None, mounted: Mounted = NOTHING_MOUNTED) -> Selection:
    """Choose what of `prefix` is packed.

    Args:
        prefix: the environment.
        filters: rules added to the default ones.
        mounted: files that are packed besides.

    Raises:
        PackError: there is no kernel, a file cannot be packed, or a mounted one is where the environment has its own.
    """
    if not prefix.kernels:
        raise PackError(
            "the environment has no kernel that can start in a browser",
            hint=f"add a kernel built for emscripten-wasm32, such as {example_package()}",
            prefix=str(prefix.path),
        )
    refuse_collisions(mounted, prefix.files)
    active = (default_filter() + (filters or FileFilter())).for_packages(package.name for package in prefix.packages)
    binaries = _kernel_binaries(prefix)
    contents = {kernel.spec: kernel.document.encode() for kernel in prefix.kernels}
    contents |= {path: picture for kernel in prefix.kernels for path, picture in kernel.pictures}
    kept: list[PrefixFile] = []
    dropped: list[DroppedFile] = []
    # What a kernelspec consists of is never dropped: unpack could not give it back.
    fixed = contents.keys() | {logo for kernel in prefix.kernels for logo in kernel.logos}
    fixed |= {kernel.startup for kernel in prefix.kernels if kernel.startup is not None}
    for file in prefix.files:
        if file.path in binaries:
            continue
        rule = None if file.path in fixed else active.dropped_by(file.path, file.package)
        if rule is not None:
            dropped.append(_dropped(file, rule.identifier, rule.reason))
        elif file.path in contents:
            kept.append(replace(_checked(file), size=len(contents[file.path]), link=None))
        else:
            kept.append(_checked(file))
    if mounted.files:
        kept = sorted((*kept, *mounted.files), key=lambda file: file.path)
    return Selection(
        kept=tuple(kept),
        kernel_files=tuple(binaries[path] for path in sorted(binaries)),
        contents=contents,
        dropped=tuple(dropped),
        mounted=mounted,
    )


def _kernel_binaries(prefix: Prefix) -> dict[str, PrefixFile]:
    by_path = {file.path: file for file in prefix.files}
    paths = {file.path for kernel in prefix.kernels for file in kernel.binaries}
    return {path: _checked(by_path[path]) for path in paths}


def _checked(file: PrefixFile) -> PrefixFile:
    if file.size > MAX_RAW_SIZE:
        raise PackError(
            f"'{file.path}' has {file.size} bytes: no browser could open it",
            hint="drop it with a filter",
            file=file.path,
        )
    if not is_safe_path(file.path) or is_of_records(file.path):
        raise PackError(f"the path '{file.path}' cannot be packed", hint="rename the file, or drop it with a filter")
    return file


def _dropped(file: PrefixFile, rule: str, reason: str) -> DroppedFile:
    return DroppedFile(path=file.path, size=file.size, package=file.package, rule=rule, reason=reason)
