"""Builds small installed environments for tests, as conda-like installers leave them."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

SITE = "lib/python3.11/site-packages"
WASM = b"\0asm\x01\0\0\0"


def leb(value: int) -> bytes:
    """Unsigned LEB128."""
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def text(value: str) -> bytes:
    """A WebAssembly name."""
    encoded = value.encode()
    return leb(len(encoded)) + encoded


def section(name: str, body: bytes) -> bytes:
    """A custom section."""
    payload = text(name) + body
    return b"\0" + leb(len(payload)) + payload


def side_module(*needed: str) -> bytes:
    """A WebAssembly side module whose `dylink.0` section says that it needs other libraries."""
    memory = b"\x01\x04\0\0\0\0"
    names = leb(len(needed)) + b"".join(map(text, needed))
    return WASM + section("dylink.0", memory + b"\x02" + leb(len(names)) + names)


@dataclass(frozen=True, kw_only=True)
class Toy:
    """A package for `make_prefix`: what it is, and its files by path; a link is a pair ("->", target)."""

    name: str
    version: str = "1.0"
    build: str = "0"
    subdir: str = "emscripten-wasm32"
    depends: Sequence[str] = ()
    files: Mapping[str, bytes | str | tuple[str, str]] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)


def kernel_package(
    name: str = "xeus-toy",
    *,
    kernel: str = "toy",
    language: str = "toy",
    argv: Sequence[str] = ("@PREFIX@/bin/xtoy", "-f", "{connection_file}"),
    metadata: Mapping[str, Any] | None = None,
    depends: Sequence[str] = (),
    **files: bytes,
) -> Toy:
    """A package with a kernel that has all it needs (and starts nothing)."""
    folder = f"share/jupyter/kernels/{kernel}"
    document = {"argv": list(argv), "display_name": kernel.title(), "language": language, "metadata": metadata or {}}
    stem = next(part for part in argv if "/" in part).rpartition("/")[2]
    return Toy(
        name=name,
        depends=depends,
        files={
            f"bin/{stem}.js": "var createXeusModule = 1;",
            f"bin/{stem}.wasm": WASM,
            f"{folder}/kernel.json": json.dumps(document),
            f"{folder}/logo-64x64.png": b"\x89PNG" + kernel.encode(),
            **files,
        },
    )


def pyodide_package(*, module: bool = False, files: Mapping[str, bytes | str] | None = None) -> Toy:
    """A package with a kernel by Pyodide that has all it needs (and starts nothing)."""
    ending = "mjs" if module else "js"
    document = {"argv": ["@PREFIX@/bin/pyodide", "-f", "{connection_file}"], "language": "python"}
    own: dict[str, bytes | str] = {
        f"bin/pyodide.{ending}": "export function loadPyodide() {}" if module else "var loadPyodide = 1;",
        f"bin/pyodide.asm.{ending}": "var _createPyodideModule = 1;",
        "bin/pyodide.asm.wasm": WASM,
        "share/jupyter/kernels/python/kernel.json": json.dumps(document),
    }
    return Toy(name="pyodide-toy", depends=["emscripten-abi"], files={**own, **(files or {})})


def python_package(version: str = "3.11.3", files: Mapping[str, bytes | str] | None = None) -> Toy:
    """A Python of one module."""
    minor = ".".join(version.split(".")[:2])
    return Toy(name="python", version=version, files=files or {f"lib/python{minor}/abc.py": "x = 1\n"})


def make_prefix(path: Path, *packages: Toy, local: Mapping[str, bytes | str | tuple[str, str]] | None = None) -> Path:
    """Install `packages` below `path` (its conda-meta too), and `local` files that no package owns."""
    meta = path / "conda-meta"
    meta.mkdir(parents=True, exist_ok=True)
    for package in packages:
        for name, content in package.files.items():
            put(path, name, content)
        stem = f"{package.name}-{package.version}-{package.build}"
        record = {
            "name": package.name,
            "version": package.version,
            "build": package.build,
            "build_number": 0,
            "subdir": package.subdir,
            "fn": f"{stem}.conda",
            "sha256": hashlib.sha256(stem.encode()).hexdigest(),
            "depends": list(package.depends),
            "files": sorted(package.files),
            **package.record,
        }
        (meta / f"{stem}.json").write_text(json.dumps(record))
    for name, content in (local or {}).items():
        put(path, name, content)
    return path


def put(root: Path, name: str, content: bytes | str | tuple[str, str]) -> None:
    """Write one file or link below `root`."""
    target = root / name
    target.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, tuple):
        target.symlink_to(content[1])
        return
    target.write_bytes(content.encode() if isinstance(content, str) else content)


class Heard:
    """A reporter that remembers what it was told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.warnings: list[str] = []
        self.passing: list[str] = []
        self.totals: dict[str, int | None] = {}
        self.done: dict[str, int] = {}

    def note(self, message: str, *, passing: bool = False) -> None:
        """Remember a note."""
        self.notes.append(message)
        self.passing += [message] * passing

    def warn(self, message: str, *, passing: bool = False) -> None:
        """Remember a warning."""
        self.warnings.append(message)
        self.passing += [message] * passing

    @contextmanager
    def task(self, label: str, total: int | None, unit: str) -> Iterator[_HeardTask]:
        """Remember a bar."""
        assert unit in ("B", "items")
        self.totals[label] = total
        self.done[label] = 0
        yield _HeardTask(self, label)


class _HeardTask:
    def __init__(self, heard: Heard, label: str) -> None:
        self._heard, self._label = heard, label

    def advance(self, amount: int) -> None:
        self._heard.done[self._label] += amount
