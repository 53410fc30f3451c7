"""Kernels' own files as they are written into a pack: each once, however many kernels have it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, TypedDict, Unpack

from lite_env.errors import PackError
from lite_env.pack.manifest import COMPRESSED, File, Kernel, RuntimeInfo
from lite_env.store.digest import sha256_of_bytes
from lite_env.wasm.dylink import is_library, is_wasm

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lite_env.pack.plan import PackPlan
    from lite_env.pack.shelf import Shelf
    from lite_env.prefix.model import KernelSpec

_NAME_DIGITS = 16  # of a SHA-256, in the name of a kernel's file


def write_kernels(plan: PackPlan, shelf: Shelf) -> tuple[Kernel, ...]:
    """All kernels; a file that several of them have lies once, with the first."""
    writer = _KernelFiles(plan=plan, shelf=shelf, paths={})
    return tuple(
        Kernel(
            name=kernel.name,
            display_name=kernel.display_name,
            language=kernel.language,
            argv=kernel.argv,
            runtime=RuntimeInfo(
                family=kernel.runtime.family,
                emscripten=kernel.runtime.emscripten,
                python=kernel.runtime.python,
                worker=kernel.runtime.worker,
            ),
            files=tuple(writer.write(kernel)),
            start=plan.starts[kernel.name],
            startup=kernel.startup,
            preload=plan.preload if kernel.language.lower() == "python" else (),
        )
        for kernel in plan.kernels
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _KernelFiles:
    """Writes kernels' own files; `paths` are those that are there, by the names that their content gives them."""

    plan: PackPlan
    shelf: Shelf
    paths: dict[str, str]

    def write(self, kernel: KernelSpec) -> Iterable[File]:
        """The files of one kernel, in the order in which the manifest has them."""
        folder = f"kernels/{kernel.name}"
        (self.shelf.staging / folder).mkdir()
        yield self._store("spec", f"{folder}/kernel.json", kernel.spec)
        for file in kernel.binaries:
            yield self._compress(file.role, folder, file.path, file.name)
        for source in kernel.logos:
            path = f"{folder}/{_hashed_name(source, sha256_of_bytes(self.plan.read(source)))}"
            yield self._store("logo", self.paths.setdefault(PurePosixPath(path).name, path), source)

    def _store(self, role: str, path: str, source: str) -> File:
        content = self.plan.read(source)
        (self.shelf.staging / path).write_bytes(content)
        digest, size = sha256_of_bytes(content), len(content)
        return self._file(role, path, source, digest=digest, raw_size=size, size=size, sha256=digest)

    def _compress(self, role: str, folder: str, source: str, name: str | None = None) -> File:
        content = self.plan.read(source)
        if source.endswith(".wasm") and not is_wasm(content):
            raise PackError(
                f"'{source}' is not WebAssembly", hint="the kernel's package is damaged: install it again", file=source
            )
        digest = sha256_of_bytes(content)
        hashed = _hashed_name(source, digest) + COMPRESSED
        path = self.paths.setdefault(hashed, f"{folder}/{hashed}")
        size, sha256 = self.shelf.put(digest, content, path)
        return self._file(role, path, source, name, digest=digest, raw_size=len(content), size=size, sha256=sha256)

    def _file(self, role: str, path: str, source: str, name: str | None = None, **facts: Unpack[_Facts]) -> File:
        owner = self.plan.owners.get(source)
        return File(
            role=role, name=name or PurePosixPath(source).name, path=path, source=source, package=owner, **facts
        )


class _Facts(TypedDict):
    """What the manifest says of a file's content."""

    digest: str
    raw_size: int
    size: int
    sha256: str


def _hashed_name(source: str, digest: str) -> str:
    """`name.ext` as `name-<digest>.ext`; all that follows a library's first dot is its ending."""
    base = PurePosixPath(source).name
    stem, dot, suffix = base.partition(".") if is_library(source) else base.rpartition(".")
    return f"{stem}-{digest[:_NAME_DIGITS]}{dot}{suffix}"
