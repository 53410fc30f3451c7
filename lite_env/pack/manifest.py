"""``manifest.json``: the one file of a pack whose name is not its hash, and the index it points to."""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

FORMAT_MAJOR = 1
FORMAT_MINOR = 0

Load = Literal["interpreter", "kernel", "import", "demand"]
"""When an archive is fetched."""
LOADS: tuple[Load, ...] = get_args(Load)
BOOT_LOADS: tuple[Load, ...] = ("interpreter", "kernel")
"""Those that every start fetches."""


class _Value(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """A value of the manifest; unknown keys of a later minor version are ignored."""


class File(_Value, frozen=True, kw_only=True):
    """One of a kernel's own binaries inside zstd: no host need compress it, and hosts that can do no better.

    Attributes:
        path: where it lies in the pack; its name holds the beginning of `digest`.
        source: where it lay in the prefix.
        digest: SHA-256 of the binary.
        raw_size: bytes of the binary.
        size: bytes of the compressed file.
        sha256: of the compressed file; checked before anything is inflated.
        package: the package that owns it; None where no package does.
    """

    path: str
    source: str
    digest: str
    raw_size: int
    size: int
    sha256: str
    package: str | None = None


class Archive(_Value, frozen=True, kw_only=True):
    """One tar inside zstd, ``archives/<digest>.tar.zst``.

    Attributes:
        digest: SHA-256 of the uncompressed tar: its identity and name.
        raw_size: bytes of the uncompressed tar.
        size: bytes of the compressed file.
        sha256: of the compressed file; checked before anything is inflated.
        load: ``interpreter``, ``kernel``, ``import`` (see `Manifest.imports`) or ``demand``.
        packages: how many of its entries each package owns; they come in the order of names, and those that no package
            owns after them.
    """

    digest: str
    raw_size: int
    size: int
    sha256: str
    load: str
    packages: dict[str, int]

    @property
    def path(self) -> str:
        """Where it lies in the pack."""
        return f"archives/{self.digest}.tar.zst"


class IndexFile(_Value, frozen=True, kw_only=True):
    """The file tree, ``index-<digest>.json.zst``; fields as in `Archive`."""

    digest: str
    raw_size: int
    size: int
    sha256: str

    @property
    def path(self) -> str:
        """Where it lies in the pack."""
        return f"index-{self.digest}.json.zst"


class Package(_Value, frozen=True, kw_only=True):
    """One conda package that the environment is made of."""

    name: str
    version: str
    build: str
    build_number: int
    subdir: str
    file_name: str
    sha256: str | None = None
    license: str | None = None
    depends: tuple[str, ...] = ()


class Environment(_Value, frozen=True, kw_only=True):
    """What is packed.

    Attributes:
        name: the environment's name.
        platform: its conda subdir.
        lock_digest: SHA-256 over (subdir, file name, sha256) of its packages.
        requested: match specs that were asked for, sorted.
        variables: environment variables to set before the interpreter starts.
        packages: sorted by name.
    """

    name: str
    platform: str
    lock_digest: str
    requested: tuple[str, ...]
    variables: dict[str, str]
    packages: tuple[Package, ...]


class RuntimeInfo(_Value, frozen=True, kw_only=True):
    """Which family of kernels the bootstrap has to start, and what it was built for."""

    family: str
    emscripten: str | None
    python: str | None


class Kernel(_Value, frozen=True, kw_only=True):
    """One kernel: its kernelspec's fields and its own binaries.

    Attributes:
        spec: path of ``kernel.json`` in the pack.
        shared: libraries needed before the file system exists, by the name they are asked for.
        logos: paths in the pack.
    """

    name: str
    display_name: str
    language: str
    argv: tuple[str, ...]
    spec: str
    script: File
    wasm: File
    data: File | None = None
    shared: dict[str, File] = {}
    logos: tuple[str, ...] = ()

    def files(self) -> tuple[File, ...]:
        """Its binaries: script, module, data and shared libraries."""
        return tuple(file for file in (self.script, self.wasm, self.data, *self.shared.values()) if file is not None)


class Mounts(_Value, frozen=True, kw_only=True):
    """Where things appear in the kernel's file system."""

    prefix: str = "/"
    drive: str = "/drive"


class Manifest(_Value, frozen=True, kw_only=True):
    """The whole manifest.

    Attributes:
        format: ``major.minor``; an unknown major is refused, an unknown minor read.
        requires: features a reader must know; an unknown one is refused.
        generator: who wrote it.
        archives: those of ``interpreter``, then ``kernel``, ``import``, ``demand``.
        imports: by traced module, positions of the archives that its import needs besides those of the boot.
        profile: digest of the profile that decided about the order; None where nothing was traced.
        bytecode: whether the ``.pyc`` files beside their sources were made by packing.
    """

    format: str
    requires: tuple[str, ...]
    generator: str
    environment: Environment
    runtime: RuntimeInfo
    kernels: tuple[Kernel, ...]
    archives: tuple[Archive, ...]
    index: IndexFile
    mounts: Mounts
    imports: dict[str, tuple[int, ...]] = {}
    profile: str | None = None
    bytecode: bool = False

    @property
    def binaries(self) -> tuple[File, ...]:
        """The kernels' own binaries, each once, by path."""
        files = {file.path: file for kernel in self.kernels for file in kernel.files()}
        return tuple(files[path] for path in sorted(files))

    @property
    def total_size(self) -> int:
        """Bytes of all that a kernel can ask for: archives, index and binaries, as they are served."""
        items: tuple[Archive | File, ...] = (*self.archives, *self.binaries)
        return self.index.size + sum(item.size for item in items)
