"""Packs of format 1.0, read into the values of today.

There a runtime belonged to the environment, a start loaded the same for all kernels, each kernel had files of its own,
and the manifest had no hashes of kernel.json and logos: these are read, and hashed, when the manifest is.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import msgspec

from lite_env.errors import ManifestError
from lite_env.pack.manifest import PHASES, Common, File, Kernel, KernelStart, Manifest, Named, Placed, RuntimeInfo
from lite_env.pack.path import is_safe_component, is_safe_path
from lite_env.store.digest import sha256_of_bytes
from lite_env.store.text import convert

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lite_env.store.text import Origin

_KERNELSPECS = "share/jupyter/kernels"
_HINT = "the pack is damaged or was not made by lite-env: pack again"


class _Kernel(Named, frozen=True, kw_only=True):
    """A kernel: the paths of its kernel.json and logos, and its binaries, all inside zstd."""

    spec: str
    script: Placed
    wasm: Placed
    data: Placed | None = None
    shared: dict[str, Placed] = msgspec.field(default_factory=dict)
    logos: tuple[str, ...] = ()


class _Manifest(Common, frozen=True, kw_only=True):
    """The whole manifest."""

    runtime: RuntimeInfo
    kernels: tuple[_Kernel, ...]


def upgrade(document: Any, beside: Callable[[str], bytes], origin: Origin) -> Manifest:  # noqa: ANN401 - JSON
    """The manifest of format 1.x; `beside` reads another file of its pack.

    Raises:
        ManifestError: it is malformed, or a kernel.json or a logo cannot be read, or is another than its name says.
    """
    old = convert(document, _Manifest, origin)
    start = KernelStart(**{phase: old.positions(phase) for phase in PHASES})
    kernels = tuple(
        Kernel(
            **_fields(kernel, Named),
            runtime=_runtime(old.runtime, kernel.language),
            files=tuple(_files(kernel, number, beside)),
            start=start,
        )
        for number, kernel in enumerate(old.kernels)
    )
    return Manifest(**_fields(old, Common), kernels=kernels)


def _fields(value: msgspec.Struct, of: type[msgspec.Struct]) -> dict[str, Any]:
    """What is in both formats, as it is."""
    return {name: getattr(value, name) for name in of.__struct_fields__}


def _runtime(runtime: RuntimeInfo, language: str) -> RuntimeInfo:
    """That of one kernel: the environment's Python is for those that speak it."""
    return msgspec.structs.replace(runtime, python=runtime.python if language.lower() == "python" else None)


def _files(kernel: _Kernel, number: int, beside: Callable[[str], bytes]) -> Iterator[File]:
    where = f"kernels[{number}]"
    if not is_safe_component(kernel.name):
        raise _fault(f"{where}.name is {kernel.name!r}")
    for path in (kernel.spec, *kernel.logos):
        if not is_safe_path(path) or not path.startswith(f"kernels/{kernel.name}/"):
            raise _fault(f"{where} has the path '{path}', which is not below 'kernels/{kernel.name}/'")
    folder = f"{_KERNELSPECS}/{kernel.name}"
    yield _stored("spec", kernel.spec, f"{folder}/kernel.json", beside(kernel.spec))
    yield _binary("script", kernel.script)
    yield _binary("wasm", kernel.wasm)
    if kernel.data is not None:
        yield _binary("data", kernel.data)
    for name in sorted(kernel.shared):
        yield _binary("shared", kernel.shared[name], name)
    for path in kernel.logos:
        stem, _, digits = PurePosixPath(path).stem.rpartition("-")
        logo = _stored("logo", path, f"{folder}/{stem}{PurePosixPath(path).suffix}", beside(path))
        if not digits or not logo.digest.startswith(digits):
            raise ManifestError(f"'{path}' has another hash than its name says", hint=_HINT, file=path)
        yield logo


def _stored(role: str, path: str, source: str, content: bytes) -> File:
    digest, size = sha256_of_bytes(content), len(content)
    name = PurePosixPath(source).name
    return File(role=role, name=name, path=path, source=source, digest=digest, raw_size=size, size=size, sha256=digest)


def _binary(role: str, file: Placed, name: str | None = None) -> File:
    return File(role=role, name=name or PurePosixPath(file.source).name, **msgspec.structs.asdict(file))


def _fault(what: str) -> ManifestError:
    return ManifestError(f"the manifest is wrong: {what}", hint=_HINT)
