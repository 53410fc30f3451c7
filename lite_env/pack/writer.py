"""The one place that writes a pack: archives in parallel, then the index, then the manifest, then all at once."""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from lite_env import __version__
from lite_env.errors import ManifestError, PackError
from lite_env.pack.archive import build_tar, compressor_version, tar_offsets
from lite_env.pack.check import faults
from lite_env.pack.early import left_open, write_early
from lite_env.pack.index import Index, IndexedFile, IndexedLink, decode_index, encode_index
from lite_env.pack.kernels import write_kernels
from lite_env.pack.limits import MAX_MANIFEST_SIZE
from lite_env.pack.manifest import (
    FORMAT,
    KERNEL_STARTS,
    PHASES,
    STARTUP_CODE,
    Archive,
    IndexFile,
    Manifest,
    Mounts,
)
from lite_env.pack.press import Press
from lite_env.pack.reader import MANIFEST
from lite_env.pack.shelf import Shelf, reusable
from lite_env.pack.snapshots import with_snapshots
from lite_env.progress import SILENT
from lite_env.store.atomic import new_directory
from lite_env.store.digest import sha256_of_bytes
from lite_env.store.protocol import FORGETFUL
from lite_env.store.results import AT_ONCE
from lite_env.wasm.dylink import is_library, is_wasm, needed_libraries

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lite_env.pack.layout import ArchivePlan
    from lite_env.pack.manifest import Kernel
    from lite_env.pack.plan import PackPlan
    from lite_env.pack.snapshots import SnapshotMaker
    from lite_env.progress import Reporter
    from lite_env.store.protocol import Store


class StartCheck(Protocol):
    """Tries whether the kernels of a pack start."""

    def early(self, pack: Path, manifest: Manifest) -> None:
        """Try it with a pack that has what starts read, and nothing in place of its other archives; never fails.

        Called on another thread, beside the writing of those archives; `manifest` is what `left_open` makes of the
        whole pack's.
        """

    def whole(self, pack: Path, manifest: Manifest) -> None:
        """Raise where a kernel of the whole pack does not start."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Libraries:
    """What libraries need, by path; and what is called a library and is none that a browser can load."""

    needed: Mapping[str, tuple[str, ...]]
    not_wasm: tuple[str, ...]


def write_pack(
    plan: PackPlan,
    output: Path,
    *,
    store: Store = FORGETFUL,
    press: Press | None = None,
    check: StartCheck | None = None,
    snapshots: SnapshotMaker | None = None,
    reporter: Reporter = SILENT,
) -> Manifest:
    """Write the pack that was planned; `output` is replaced in one step when all of it is complete.

    Archives are taken over where they were compressed in the same way before: out of `store`, which keeps what is
    compressed here, or out of a pack that stood there. When `check` raises for the folder of the whole pack, nothing
    takes the place of what stood at `output`.

    Args:
        plan: of the pack.
        output: its folder.
        store: see above.
        press: compresses instead, with a store of its own; at the plan's level.
        check: of the pack.
        snapshots: of its kernels, where the pack is to bring any.
        reporter: progress; warnings of files that no browser can load.

    Raises:
        PackError: `output` is something else than a pack, or the environment has what no reader of a pack would take.
    """
    check_output(output, plan.root)
    old = reusable(output, generator(plan.level))
    with new_directory(output) as staging:
        for folder in ("archives", "kernels"):
            (staging / folder).mkdir()
        shelf = Shelf(staging=staging, old=old, press=press or Press(store, plan.level))
        with ThreadPoolExecutor(max_workers=1) as beside:
            writing = beside.submit(write_kernels, plan, shelf)
            libraries = _libraries(plan)
            index = _write_index(plan, libraries, shelf)

            def startable(archives: Mapping[int, Archive]) -> None:
                if check is not None and plan.profile is not None:
                    early = partial(_manifest, plan, archives=_so_far(plan, archives), index=index)
                    beside.submit(lambda: _check_early(early(kernels=writing.result()), staging, check))

            archives = _write_archives(plan, shelf, reporter, startable)
            kernels = writing.result()
        manifest = _manifest(plan, kernels=kernels, archives=archives, index=index)
        (staging / MANIFEST).write_bytes(_checked(manifest))
        if snapshots is not None:
            manifest = with_snapshots(manifest, snapshots.make(staging, manifest), shelf)
            (staging / MANIFEST).write_bytes(_checked(manifest))
        if check is not None:
            check.whole(staging, manifest)
    for path in libraries.not_wasm:
        reporter.warn(f"'{path}' is not WebAssembly: a browser cannot load it (was it installed for another platform?)")
    return manifest


def generator(level: int) -> str:
    """What decides about the compressed bytes besides the environment: lite-env, zstd and its level."""
    return f"lite-env {__version__} (zstd {compressor_version()}, level {level})"


def encode_manifest(manifest: Manifest) -> bytes:
    """The manifest as it is written: sorted keys, two blanks, a final newline, UTF-8."""
    return msgspec.json.format(msgspec.json.encode(manifest, order="sorted"), indent=2) + b"\n"


def _manifest(
    plan: PackPlan, *, kernels: tuple[Kernel, ...], archives: tuple[Archive, ...], index: IndexFile
) -> Manifest:
    return Manifest(
        format=FORMAT,
        requires=_requires(plan),
        generator=generator(plan.level),
        environment=plan.environment,
        kernels=kernels,
        archives=archives,
        index=index,
        mounts=Mounts(),
        imports=dict(plan.imports),
        profile=plan.profile,
        bytecode=plan.bytecode,
    )


def _so_far(plan: PackPlan, written: Mapping[int, Archive]) -> tuple[Archive, ...]:
    """All archives; of those that are not `written` what was planned."""
    return tuple(written.get(number) or _archive(archive) for number, archive in enumerate(plan.archives))


def _archive(plan: ArchivePlan, *, digest: str = "", size: int = 0, sha256: str = "") -> Archive:
    return Archive(
        digest=digest,
        raw_size=plan.raw_size,
        size=size,
        sha256=sha256,
        load=plan.load,
        packages=dict(plan.packages),
    )


def _check_early(manifest: Manifest, staging: Path, check: StartCheck) -> None:
    """Whatever is wrong with the pack is told when it is whole."""
    manifest = left_open(manifest)
    with tempfile.TemporaryDirectory(prefix="lite-env-") as folder:
        pack = Path(folder) / "pack"
        write_early(manifest, staging, pack, encode_manifest(manifest))
        check.early(pack, manifest)


def _requires(plan: PackPlan) -> tuple[str, ...]:
    """What a reader must know: the kernels' starts, where `load` of the archives does not tell them; start-up code."""
    loads = {
        phase: tuple(number for number, archive in enumerate(plan.archives) if archive.load == phase)
        for phase in PHASES
    }
    differs = any(getattr(start, phase) != loads[phase] for start in plan.starts.values() for phase in PHASES)
    has_code = any(kernel.startup is not None for kernel in plan.kernels)
    return (*[KERNEL_STARTS] * differs, *[STARTUP_CODE] * has_code)


def _checked(manifest: Manifest) -> bytes:
    """The manifest as it is written, when every reader will take it."""
    for fault in faults(manifest):
        raise _unreadable(fault)
    try:
        data = encode_manifest(manifest)
    except UnicodeEncodeError as error:
        raise _unreadable(f"a text is not Unicode: {error.object!r}") from error
    if len(data) > MAX_MANIFEST_SIZE:
        raise _unreadable(f"the manifest has {len(data)} bytes, more than the {MAX_MANIFEST_SIZE} that it may have")
    return data


def _unreadable(fault: str) -> PackError:
    return PackError(
        f"the environment cannot be packed, nobody could read the pack: {fault}",
        hint="what is named there is wrong in the package or the environment that it comes from",
    )


def check_output(output: Path, root: Path | None = None) -> None:
    """Refuse a folder that a pack must not replace.

    Args:
        output: the folder.
        root: of the environment, which may lie neither in nor around it.

    Raises:
        PackError: it is something else than a pack.
    """
    real_output, real_root = output.resolve(), root.resolve() if root else None
    if real_root and (real_output.is_relative_to(real_root) or real_root.is_relative_to(real_output)):
        raise PackError(
            f"a pack cannot be written to '{output}': that is in or around the environment",
            hint="choose another folder with -o",
        )
    if not output.exists():
        return
    if not output.is_dir():
        raise PackError(f"'{output}' is a file", hint="choose another folder with -o")
    names = {entry.name for entry in output.iterdir()}
    foreign = sorted(
        name
        for name in names
        if name not in (MANIFEST, "archives", "kernels") and not (name.startswith("index-") and name.endswith(".zst"))
    )
    if foreign or (names and MANIFEST not in names):
        raise PackError(
            f"'{output}' is not empty and not a pack" + (f": it holds '{foreign[0]}'" if foreign else ""),
            hint="choose another folder with -o, or remove that one: a pack replaces its folder",
        )


def _write_archives(
    plan: PackPlan, shelf: Shelf, reporter: Reporter, startable: Callable[[Mapping[int, Archive]], None]
) -> tuple[Archive, ...]:
    """Write all archives; `startable` is called once those that starts load are there, while others are not."""
    written: dict[int, Archive] = {}
    total = sum(archive.raw_size for archive in plan.archives)
    started = frozenset(position for start in plan.starts.values() for position in start.all)
    with (
        reporter.task("packing", total, "B") as task,
        ThreadPoolExecutor(max_workers=max(AT_ONCE, os.cpu_count() or 1)) as pool,
    ):
        # What starts load first, that they can be tried beside the rest; then the largest first: a big library begun
        # last would leave the other cores idle.
        order = sorted(
            range(len(plan.archives)),
            key=lambda number: (number not in started, -plan.archives[number].raw_size, number),
        )
        jobs = {pool.submit(_write_archive, plan, plan.archives[number], shelf): number for number in order}
        told = False
        try:
            for job in as_completed(jobs):
                number = jobs[job]
                written[number] = job.result()
                task.advance(plan.archives[number].raw_size)
                if not told and len(written) < len(jobs) and started <= written.keys():
                    told = True
                    startable(dict(written))
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return tuple(written[number] for number in range(len(plan.archives)))


def _write_archive(plan: PackPlan, archive: ArchivePlan, shelf: Shelf) -> Archive:
    raw = raw_archive(plan, archive)
    digest = sha256_of_bytes(raw)
    size, sha256 = shelf.put(digest, raw, f"archives/{digest}.tar.zst")
    return _archive(archive, digest=digest, size=size, sha256=sha256)


def raw_archive(plan: PackPlan, archive: ArchivePlan) -> bytes:
    """The tar of an archive of `plan`.

    Raises:
        PackError: a file has changed since it was planned.
    """
    return build_tar(archive.entries, lambda entry: plan.read(entry.path))


def _libraries(plan: PackPlan) -> _Libraries:
    needed: dict[str, tuple[str, ...]] = {}
    not_wasm: list[str] = []
    packed = [entry.path for archive in plan.archives for entry in archive.entries if entry.link is None]
    for path in filter(is_library, packed):
        content = plan.read(path)
        if is_wasm(content):
            needed[path] = needed_libraries(content, path)
        else:
            not_wasm.append(path)
    for file in plan.kernel_files:
        if is_library(file.path):
            needed[file.path] = needed_libraries(plan.read(file.path), file.path)
    return _Libraries(needed={path: names for path, names in needed.items() if names}, not_wasm=tuple(not_wasm))


def _write_index(plan: PackPlan, libraries: _Libraries, shelf: Shelf) -> IndexFile:
    entries: dict[str, IndexedFile | IndexedLink] = {}
    for number, archive in enumerate(plan.archives):
        offsets, _ = tar_offsets(archive.entries)
        for entry, offset in zip(archive.entries, offsets, strict=True):
            entries[entry.path] = (
                IndexedFile(size=entry.size, archive=number, offset=offset, executable=entry.executable)
                if entry.link is None
                else IndexedLink(target=entry.link)
            )
    raw = encode_index(Index(entries=entries, needed=libraries.needed))
    try:
        decode_index(raw, [archive.raw_size for archive in plan.archives])
    except ManifestError as error:
        raise _unreadable(error.message) from error
    digest = sha256_of_bytes(raw)
    size, sha256 = shelf.put(digest, raw, f"index-{digest}.json.zst")
    return IndexFile(digest=digest, raw_size=len(raw), size=size, sha256=sha256)
