"""The one place that writes a pack: archives in parallel, then the index, then the manifest, then all at once."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import msgspec

from lite_env import __version__
from lite_env.errors import ManifestError, PackError
from lite_env.pack.archive import FRAME, Entry, build_tar, compress, compressor_version, tar_offsets
from lite_env.pack.dylink import is_wasm, needed_libraries
from lite_env.pack.index import Index, IndexedFile, IndexedLink, encode_index
from lite_env.pack.manifest import (
    FORMAT_MAJOR,
    FORMAT_MINOR,
    Archive,
    File,
    IndexFile,
    Kernel,
    Manifest,
    Mounts,
    RuntimeInfo,
)
from lite_env.pack.reader import MANIFEST, inflate, read_checked, read_manifest
from lite_env.progress import SILENT
from lite_env.store.atomic import new_directory
from lite_env.store.digest import sha256_of_bytes
from lite_env.store.protocol import FORGETFUL, key_of
from lite_env.store.results import find_result, keep_result

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lite_env.pack.layout import ArchivePlan
    from lite_env.pack.plan import PackPlan
    from lite_env.prefix.model import KernelSpec
    from lite_env.progress import Reporter
    from lite_env.store.protocol import Store

_NAME_DIGITS = 16  # of a SHA-256, in the name of a kernel's binary


@dataclass(frozen=True, kw_only=True, slots=True)
class _Written:
    """An archive that was written, and what its libraries need, by path."""

    archive: Archive
    needed: tuple[tuple[str, tuple[str, ...]], ...]
    not_wasm: tuple[str, ...]


def write_pack(plan: PackPlan, output: Path, *, store: Store = FORGETFUL, reporter: Reporter = SILENT) -> Manifest:
    """Write the pack that was planned; `output` is replaced in one step when all of it is complete.

    Archives are taken over where they were compressed in the same way before: out of `store`, which keeps what is
    compressed here, or out of a pack that stood there.

    Raises:
        PackError: `output` is something else than a pack, or a file of the environment cannot be packed.
    """
    _check_output(plan.root, output)
    old = _reusable(output, generator(plan.level))
    with new_directory(output) as staging:
        for folder in ("archives", "kernels"):
            (staging / folder).mkdir()
        shelf = _Shelf(staging=staging, old=old, store=store, level=plan.level)
        with ThreadPoolExecutor(max_workers=1) as beside:
            pending = beside.submit(lambda: tuple(_write_kernel(plan, kernel, shelf) for kernel in plan.kernels))
            written = _write_archives(plan, shelf, reporter)
            kernels = pending.result()
        manifest = Manifest(
            format=f"{FORMAT_MAJOR}.{FORMAT_MINOR}",
            requires=(),
            generator=generator(plan.level),
            environment=plan.environment,
            runtime=RuntimeInfo(
                family=plan.runtime.family, emscripten=plan.runtime.emscripten, python=plan.runtime.python
            ),
            kernels=kernels,
            archives=tuple(item.archive for item in written),
            index=_write_index(plan, written, shelf),
            mounts=Mounts(),
            imports=dict(plan.imports),
            profile=plan.profile,
            bytecode=plan.bytecode,
        )
        (staging / MANIFEST).write_bytes(encode_manifest(manifest))
    for path in (path for item in written for path in item.not_wasm):
        reporter.warn(f"'{path}' is not WebAssembly: a browser cannot load it (was it installed for another platform?)")
    return manifest


def generator(level: int) -> str:
    """What decides about the compressed bytes besides the environment: lite-env, zstd and its level."""
    return f"lite-env {__version__} (zstd {compressor_version()}, level {level})"


def encode_manifest(manifest: Manifest) -> bytes:
    """The manifest as it is written: sorted keys, two blanks, a final newline, UTF-8."""
    return msgspec.json.format(msgspec.json.encode(manifest, order="sorted"), indent=2) + b"\n"


def _check_output(root: Path, output: Path) -> None:
    real_output, real_root = output.resolve(), root.resolve()
    if real_output.is_relative_to(real_root) or real_root.is_relative_to(real_output):
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


def _reusable(output: Path, wanted: str) -> Mapping[str, tuple[Path, Archive | File | IndexFile]]:
    """Compressed files at `output` by digest, when whatever wrote them would write the same bytes again."""
    try:
        manifest = read_manifest(output)
    except ManifestError:
        return {}
    if manifest.generator != wanted:
        return {}
    items: tuple[Archive | File | IndexFile, ...] = (*manifest.archives, *manifest.binaries, manifest.index)
    return {item.digest: (output, item) for item in items}


def _write_archives(plan: PackPlan, shelf: _Shelf, reporter: Reporter) -> list[_Written]:
    written: dict[int, _Written] = {}
    total = sum(archive.raw_size for archive in plan.archives)
    with (
        reporter.task("packing", total, "B") as task,
        ThreadPoolExecutor(max_workers=os.cpu_count()) as pool,
    ):
        # The largest first: a big library begun last would leave the other cores idle.
        order = sorted(range(len(plan.archives)), key=lambda number: (-plan.archives[number].raw_size, number))
        jobs = {pool.submit(_write_archive, plan, plan.archives[number], shelf): number for number in order}
        try:
            for job in as_completed(jobs):
                number = jobs[job]
                written[number] = job.result()
                task.advance(plan.archives[number].raw_size)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return [written[number] for number in range(len(plan.archives))]


def _write_archive(plan: PackPlan, archive: ArchivePlan, shelf: _Shelf) -> _Written:
    needed: list[tuple[str, tuple[str, ...]]] = []
    not_wasm: list[str] = []

    def body(entry: Entry) -> bytes:
        content = plan.contents.get(entry.path)
        if content is None:
            content = (plan.root / entry.path).read_bytes()
        if is_library(entry.path):
            if is_wasm(content):
                needed.append((entry.path, needed_libraries(content, entry.path)))
            else:
                not_wasm.append(entry.path)
        return content

    raw = build_tar(archive.entries, body)
    digest = sha256_of_bytes(raw)
    size, sha256 = shelf.put(digest, raw, f"archives/{digest}.tar.zst")
    value = Archive(
        digest=digest, raw_size=len(raw), size=size, sha256=sha256, load=archive.load, packages=dict(archive.packages)
    )
    return _Written(archive=value, needed=tuple(needed), not_wasm=tuple(not_wasm))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Shelf:
    """Where compressed files go, and where they may already be."""

    staging: Path
    old: Mapping[str, tuple[Path, Archive | File | IndexFile]]
    store: Store
    level: int

    def put(self, digest: str, raw: bytes, path: str) -> tuple[int, str]:
        """Compress `raw` into the pack's file `path`: its compressed size and hash."""
        data = self._of_old_pack(digest) or self._of_store(digest, raw)
        (self.staging / path).write_bytes(data)
        return len(data), sha256_of_bytes(data)

    def _of_old_pack(self, digest: str) -> bytes | None:
        """The compressed file of the pack that stood there before, when it is whole."""
        if digest not in self.old:
            return None
        pack, item = self.old[digest]
        try:
            data = read_checked(pack, item.path, item.size, item.sha256)
            inflate(data, item)
        except ManifestError:
            return None
        return data

    def _of_store(self, digest: str, raw: bytes) -> bytes:
        """The compressed file as it was kept, or made and kept now."""
        # All that decides the bytes.
        key = key_of("archive", FRAME, digest, compressor_version(), self.level)
        data = find_result(self.store, key)
        if data is None:
            data = compress(raw, self.level)
            keep_result(self.store, key, data, vouched=True)
        return data


def is_library(path: str) -> bool:
    """Whether `path` is named as a shared library: ``x.so`` or ``x.so.1.2``."""
    base = PurePosixPath(path).name
    return base.endswith(".so") or ".so." in base


def _write_kernel(plan: PackPlan, kernel: KernelSpec, shelf: _Shelf) -> Kernel:
    folder = f"kernels/{kernel.name}"
    (shelf.staging / folder).mkdir()
    write = partial(_write_binary, plan, folder, shelf)
    spec = f"{folder}/kernel.json"
    (shelf.staging / spec).write_text(kernel.document, "utf-8", newline="\n")
    return Kernel(
        name=kernel.name,
        display_name=kernel.display_name,
        language=kernel.language,
        argv=kernel.argv,
        spec=spec,
        script=write(kernel.script),
        wasm=write(kernel.wasm),
        data=write(kernel.data) if kernel.data else None,
        shared={name: write(path) for name, path in kernel.shared},
        logos=tuple(_write_logo(plan, folder, shelf.staging, path) for path in kernel.logos),
    )


def _write_binary(plan: PackPlan, folder: str, shelf: _Shelf, source: str) -> File:
    content = (plan.root / source).read_bytes()
    if source.endswith(".wasm") and not is_wasm(content):
        raise PackError(
            f"'{source}' is not WebAssembly", hint="the kernel's package is damaged: install it again", file=source
        )
    digest = sha256_of_bytes(content)
    path = f"{folder}/{_hashed_name(source, digest)}.zst"
    size, sha256 = shelf.put(digest, content, path)
    owner = {file.path: file.package for file in plan.kernel_files}.get(source)
    return File(path=path, source=source, digest=digest, raw_size=len(content), size=size, sha256=sha256, package=owner)


def _write_logo(plan: PackPlan, folder: str, staging: Path, source: str) -> str:
    content = (plan.root / source).read_bytes()
    path = f"{folder}/{_hashed_name(source, sha256_of_bytes(content))}"
    (staging / path).write_bytes(content)
    return path


def _hashed_name(source: str, digest: str) -> str:
    """`name.ext` as `name-<digest>.ext`; all that follows a library's first dot is its ending."""
    base = PurePosixPath(source).name
    stem, dot, suffix = base.partition(".") if is_library(source) else base.rpartition(".")
    return f"{stem}-{digest[:_NAME_DIGITS]}{dot}{suffix}"


def _write_index(plan: PackPlan, written: list[_Written], shelf: _Shelf) -> IndexFile:
    entries: dict[str, IndexedFile | IndexedLink] = {}
    for number, archive in enumerate(plan.archives):
        offsets, _ = tar_offsets(archive.entries)
        for entry, offset in zip(archive.entries, offsets, strict=True):
            entries[entry.path] = (
                IndexedFile(size=entry.size, archive=number, offset=offset, executable=entry.executable)
                if entry.link is None
                else IndexedLink(target=entry.link)
            )
    needed = {path: names for item in written for path, names in item.needed if names}
    for file in plan.kernel_files:
        if is_library(file.path) and (names := needed_libraries((plan.root / file.path).read_bytes(), file.path)):
            needed[file.path] = names
    raw = encode_index(Index(entries=entries, needed=needed))
    digest = sha256_of_bytes(raw)
    size, sha256 = shelf.put(digest, raw, f"index-{digest}.json.zst")
    return IndexFile(digest=digest, raw_size=len(raw), size=size, sha256=sha256)
