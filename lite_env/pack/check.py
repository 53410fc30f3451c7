"""What a manifest must be so that a reader can use it; asked of what is read, and of what is written before it is."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from lite_env.lock.model import packages_digest
from lite_env.pack.limits import MAX_INDEX_SIZE, MAX_RAW_SIZE, MAX_STORED_SIZE
from lite_env.pack.manifest import (
    KERNEL_STARTS,
    LOADS,
    PHASES,
    STARTUP_CODE,
    WORKERS,
    File,
    Kernel,
    KernelStart,
    Manifest,
    snapshot_name,
)
from lite_env.pack.path import is_safe_component, is_safe_path
from lite_env.spec.settings import is_module_name
from lite_env.store.digest import is_sha256

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lite_env.pack.manifest import Archive, IndexFile, SnapshotFile, Stored

_PYTHON = re.compile(r"\d+\.\d+(\.|\Z)")


def faults(manifest: Manifest) -> Iterator[str]:
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
    if manifest.index.raw_size > MAX_INDEX_SIZE:
        yield f"index has {manifest.index.raw_size} bytes, more than the {MAX_INDEX_SIZE} that it may have"
    yield from _import_faults(manifest)
    yield from _kernels_faults(manifest)
    for name, mount in (("prefix", manifest.mounts.prefix), ("drive", manifest.mounts.drive)):
        if not mount.startswith("/") or (mount != "/" and not is_safe_path(mount[1:])):
            yield f"mounts.{name} is '{mount}', not an absolute path"


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


def _import_faults(manifest: Manifest) -> Iterator[str]:
    for module, positions in manifest.imports.items():
        where = f"imports[{module!r}]"
        if not all(0 <= position < len(manifest.archives) for position in positions):
            yield f"{where} names an archive that is not there"
        elif any(manifest.archives[position].load == "demand" for position in positions):
            yield f"{where} names an archive that is loaded on demand"
    if manifest.profile is not None and not is_sha256(manifest.profile):
        yield "profile is not a SHA-256"


def _kernels_faults(manifest: Manifest) -> Iterator[str]:
    yield from _duplicates((kernel.name for kernel in manifest.kernels), "kernels", "name")
    if not manifest.kernels:
        yield "kernels is empty"
    unsafe = [number for number, kernel in enumerate(manifest.kernels) if not is_safe_component(kernel.name)]
    if unsafe:
        yield f"kernels[{unsafe[0]}].name is {manifest.kernels[unsafe[0]].name!r}"
    folders = tuple(f"kernels/{kernel.name}/" for kernel in manifest.kernels)
    known: dict[str, tuple[object, ...]] = {}
    for number, kernel in enumerate(manifest.kernels):
        where = f"kernels[{number}]"
        for file in kernel.files:
            yield from _file_faults(file, f"{where}.{file.role}", folders)
            facts = (file.digest, file.raw_size, file.size, file.sha256)
            if known.setdefault(file.path, facts) != facts:
                yield f"{where}.{file.role} is another '{file.path}' than that of a kernel before it"
        yield from _role_faults(kernel, where)
        if kernel.runtime.worker not in WORKERS:
            yield f"{where}.runtime.worker is '{kernel.runtime.worker}'"
        if kernel.runtime.python is not None and not _PYTHON.match(kernel.runtime.python):
            yield f"{where}.runtime.python is '{kernel.runtime.python}'"
        yield from _start_faults(manifest, kernel.start, f"{where}.start")
        yield from _snapshot_faults(manifest, kernel, f"{where}.snapshot")
        yield from _startup_faults(kernel.startup, manifest, f"{where}.startup")
        for name in kernel.preload:
            if not is_module_name(name):
                yield f"{where}.preload names {name!r}, which is no module"


def _file_faults(file: File, where: str, folders: tuple[str, ...]) -> Iterator[str]:
    if not is_safe_path(file.path) or not file.path.startswith(folders):
        yield f"{where} has the path '{file.path}', which is below none of {', '.join(map(repr, folders))}"
    if not is_safe_path(file.source):
        yield f"{where} has the source '{file.source}', which leaves the environment"
    if not file.role:
        yield f"{where} has no role"
    yield from _hash_faults(file, where)
    if file.raw_size > MAX_RAW_SIZE or file.raw_size < 0 or file.size < (1 if file.compressed else 0):
        yield f"{where} has impossible sizes"
    if not file.compressed and (
        (file.size, file.sha256) != (file.raw_size, file.digest) or file.size > MAX_STORED_SIZE
    ):
        yield f"{where} is stored as it is, but has impossible sizes, or another hash than its content"


def _role_faults(kernel: Kernel, where: str) -> Iterator[str]:
    for role in ("spec", "script", "wasm"):
        if not kernel.of_role(role):
            yield f"{where}.files has no '{role}'"
    if len(kernel.of_role("spec")) > 1:
        yield f"{where}.files has several of 'spec'"
    for file in kernel.of_role("spec"):
        if not file.path.startswith(f"kernels/{kernel.name}/") or file.compressed:
            yield f"{where}.spec has the path '{file.path}', which is not one of 'kernels/{kernel.name}/'"
    yield from _duplicates((f"{file.role} {file.name}" for file in kernel.binaries), f"{where}.files", "role and name")


def _startup_faults(startup: str | None, manifest: Manifest, where: str) -> Iterator[str]:
    if startup is not None and not is_safe_path(startup):
        yield f"{where} is '{startup}', which leaves the environment"
    if startup is not None and STARTUP_CODE not in manifest.requires:
        yield f"{where} is there, and '{STARTUP_CODE}' is not in requires"


def _snapshot_faults(manifest: Manifest, kernel: Kernel, where: str) -> Iterator[str]:
    snapshot = kernel.snapshot
    if snapshot is None:
        return
    yield from _compressed_faults(snapshot, where)
    folder, _, name = snapshot.path.rpartition("/")
    if folder != f"kernels/{kernel.name}" or name != snapshot_name(snapshot.digest):
        yield f"{where} has the path '{snapshot.path}', which is not that of its digest"
    if not all(0 <= position < len(manifest.archives) for position in snapshot.archives):
        yield f"{where}.archives names an archive that is not there"
    elif any(before >= after for before, after in pairwise(snapshot.archives)):
        yield f"{where}.archives is not in order"
    if kernel.startup is not None:
        yield f"{where} is there, of a kernel with start-up code"


def _start_faults(manifest: Manifest, start: KernelStart, where: str) -> Iterator[str]:
    loads = {"interpreter": ("interpreter",), "kernel": ("interpreter", "kernel")}
    for phase in PHASES:
        positions: tuple[int, ...] = getattr(start, phase)
        if not all(0 <= position < len(manifest.archives) for position in positions):
            yield f"{where}.{phase} names an archive that is not there"
        elif any(manifest.archives[position].load not in loads[phase] for position in positions):
            yield f"{where}.{phase} names an archive that is loaded later"
        elif any(before >= after for before, after in pairwise(positions)):
            yield f"{where}.{phase} is not in order"
        elif KERNEL_STARTS not in manifest.requires and positions != manifest.positions(phase):
            yield f"{where}.{phase} is not what archives say, and '{KERNEL_STARTS}' is not in requires"
    if set(start.interpreter) & set(start.kernel):
        yield f"{where} loads an archive twice"


def _compressed_faults(item: Archive | IndexFile | SnapshotFile, where: str) -> Iterator[str]:
    yield from _hash_faults(item, where)
    if item.size <= 0 or not 0 < item.raw_size <= MAX_RAW_SIZE:
        yield f"{where} has impossible sizes"


def _hash_faults(item: Stored, where: str) -> Iterator[str]:
    if not is_sha256(item.digest):
        yield f"{where}.digest is not a SHA-256"
    if not is_sha256(item.sha256):
        yield f"{where}.sha256 is not a SHA-256"


def _duplicates(values: Iterable[str], where: str, key: str) -> Iterator[str]:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            yield f"two of {where} have the {key} '{value}'"
        seen.add(value)
