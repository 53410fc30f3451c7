"""``manifest.json``: the one file of a pack whose name is not its hash, and the index it points to.

Format 2.0, or 2.1. Packs of format 1.0 are read into the same values, see :mod:`lite_env.pack.format1`.
"""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

FORMAT = "2.0"
WITH_SNAPSHOTS = "2.1"
"""The format of a pack with a `Kernel.snapshot`, which readers of 2.0 pass over."""
KERNEL_STARTS = "kernel-starts"
"""In `Manifest.requires` where the kernels' starts load different archives, which `Archive.load` does not tell."""
STARTUP_CODE = "startup-code"
"""In `Manifest.requires` where a kernel has `Kernel.startup`, without which it would not be what it is."""

Load = Literal["interpreter", "kernel", "import", "demand"]
"""When an archive is fetched."""
LOADS: tuple[Load, ...] = get_args(Load)
Phase = Literal["interpreter", "kernel"]
"""A part of a kernel's start."""
PHASES: tuple[Phase, ...] = get_args(Phase)
Worker = Literal["classic", "module"]
"""What kind of script the worker of a kernel is."""
WORKERS: tuple[Worker, ...] = get_args(Worker)

COMPRESSED = ".zst"
"""How the path of a file ends that is inside zstd; all others are stored as they are."""


class _Value(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """A value of the manifest; unknown keys of a later minor version are ignored."""


class Placed(_Value, frozen=True, kw_only=True):
    """Where a file lies in the pack and lay in the prefix; fields as in `File`."""

    path: str
    source: str
    digest: str
    raw_size: int
    size: int
    sha256: str
    package: str | None = None


class File(Placed, frozen=True, kw_only=True):
    """One of a kernel's own files; equal ones of several kernels lie once and are named by each.

    Binaries lie inside zstd: no host need compress them, and hosts that can do no better. ``kernel.json`` and logos are
    stored as they are.

    Attributes:
        role: ``spec`` (kernel.json), ``script``, ``wasm``, ``data``, ``shared``, ``logo``, or what else a family needs.
        name: what the kernel asks for; the name of `source` unless it is a shared library.
        path: where it lies in the pack; but for kernel.json its name holds the beginning of `digest`.
        source: where it lay in the prefix.
        digest: SHA-256 of the file as it was there.
        raw_size: its bytes.
        size: bytes of the file in the pack.
        sha256: of the file in the pack; checked before anything is inflated.
        package: the package that owns it; None where no package does.
    """

    role: str
    name: str

    @property
    def compressed(self) -> bool:
        """Whether it lies inside zstd."""
        return self.path.endswith(COMPRESSED)


class SnapshotFile(_Value, frozen=True, kw_only=True):
    """A copy of the started kernel, ``snapshot-<digest>.zst`` in its folder; fields as in `Archive`.

    A reader need not use it: whoever cannot starts the kernel. A restore reads `archives`, by their positions, as well.
    """

    path: str
    digest: str
    raw_size: int
    size: int
    sha256: str
    archives: tuple[int, ...] = ()
    compressed = True


class Archive(_Value, frozen=True, kw_only=True):
    """One tar inside zstd, ``archives/<digest>.tar.zst``.

    Attributes:
        digest: SHA-256 of the uncompressed tar: its identity and name.
        raw_size: bytes of the uncompressed tar.
        size: bytes of the compressed file.
        sha256: of the compressed file; checked before anything is inflated.
        load: ``interpreter``, ``kernel``, ``import`` (see `Manifest.imports`) or ``demand``; where kernels differ (see
            `Kernel.start`), the earliest.
        packages: how many of its entries each package owns; they come in the order of names, and those that no package
            owns after them.
    """

    digest: str
    raw_size: int
    size: int
    sha256: str
    load: str
    packages: dict[str, int]

    compressed = True

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

    compressed = True

    @property
    def path(self) -> str:
        """Where it lies in the pack."""
        return f"index-{self.digest}.json.zst"


def snapshot_name(digest: str) -> str:
    """How the file of a snapshot is called whose SHA-256 is `digest`."""
    return f"snapshot-{digest[:16]}{COMPRESSED}"


Stored = Archive | IndexFile | File | SnapshotFile
"""What a manifest names."""


class Package(_Value, frozen=True, kw_only=True):
    """One package that the environment is made of.

    Attributes:
        build: a wheel's compatibility tag.
        sha256: of the package file; of a wheel over its RECORD.
        manager: ``conda`` or ``wheel``; unpacking writes records of conda packages, a wheel's lie among its files.
    """

    name: str
    version: str
    build: str
    build_number: int
    subdir: str
    file_name: str
    sha256: str | None = None
    license: str | None = None
    depends: tuple[str, ...] = ()
    manager: str = "conda"


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
    """How one kernel is started.

    Attributes:
        family: of kernels; the bootstrap has a loader for each.
        emscripten: the version it was built with, or None where no package says so.
        python: version of its Python, or None for another language.
        worker: what kind of script its worker is.
    """

    family: str
    emscripten: str | None
    python: str | None
    worker: str = "classic"


class KernelStart(_Value, frozen=True, kw_only=True):
    """Positions of the archives that a kernel's start loads, by phase, each once and ascending."""

    interpreter: tuple[int, ...] = ()
    kernel: tuple[int, ...] = ()

    @property
    def all(self) -> tuple[int, ...]:
        """Those of both phases."""
        return (*self.interpreter, *self.kernel)


class Named(_Value, frozen=True, kw_only=True):
    """A kernel by the fields of its kernelspec."""

    name: str
    display_name: str
    language: str
    argv: tuple[str, ...]


class Kernel(Named, frozen=True, kw_only=True, omit_defaults=True):
    """One kernel: its kernelspec's fields, how it is started, and its own files.

    Attributes:
        runtime: how it is started.
        files: its own.
        start: which archives its start loads.
        startup: where in the environment the code lies that runs before the first cell; left out where there is none.
        preload: modules that a snapshot of it has imported; left out where there are none.
        snapshot: of the started kernel; left out where there is none.
    """

    runtime: RuntimeInfo
    files: tuple[File, ...]
    start: KernelStart
    startup: str | None = None
    preload: tuple[str, ...] = ()
    snapshot: SnapshotFile | None = None

    def of_role(self, role: str) -> tuple[File, ...]:
        """Its files of one role, in their order."""
        return tuple(file for file in self.files if file.role == role)

    @property
    def spec(self) -> File:
        """``kernel.json``."""
        return self.of_role("spec")[0]

    @property
    def script(self) -> File:
        """The glue that is loaded first."""
        return self.of_role("script")[0]

    @property
    def wasm(self) -> File:
        """The main module."""
        return self.of_role("wasm")[0]

    @property
    def loaded(self) -> tuple[int, ...]:
        """Positions of the archives that its start loads; where it is restored, those that the restore reads."""
        return self.start.all if self.snapshot is None else self.snapshot.archives

    @property
    def logos(self) -> tuple[File, ...]:
        """Its pictures."""
        return self.of_role("logo")

    @property
    def binaries(self) -> tuple[File, ...]:
        """What its start loads besides archives and index: all but kernel.json and logos."""
        return tuple(file for file in self.files if file.role not in ("spec", "logo"))


class Mounts(_Value, frozen=True, kw_only=True):
    """Where things appear in the kernel's file system."""

    prefix: str = "/"
    drive: str = "/drive"


class Common(_Value, frozen=True, kw_only=True):
    """What manifests of the formats 1.0 and 2.0 both have.

    Attributes:
        format: ``major.minor``; an unknown major is refused, an unknown minor read.
        requires: features a reader must know; an unknown one is refused.
        generator: who wrote it.
        archives: those of ``interpreter``, then ``kernel``, ``import``, ``demand``.
        imports: by traced module, positions of the archives that its import needs besides those of its kernel's start;
            where several kernels import it, those that a start of one of them has loaded are among them.
        profile: digest of the profile that decided about the order; None where nothing was traced.
        bytecode: whether the ``.pyc`` files beside their sources were made by packing.
    """

    format: str
    requires: tuple[str, ...]
    generator: str
    environment: Environment
    archives: tuple[Archive, ...]
    index: IndexFile
    mounts: Mounts
    imports: dict[str, tuple[int, ...]] = {}
    profile: str | None = None
    bytecode: bool = False

    def positions(self, load: Load) -> tuple[int, ...]:
        """Positions of the archives that are loaded at that time."""
        return tuple(number for number, archive in enumerate(self.archives) if archive.load == load)


class Manifest(Common, frozen=True, kw_only=True):
    """The whole manifest.

    What it had from the beginning: see `Common`.
    """

    kernels: tuple[Kernel, ...]

    @property
    def binaries(self) -> tuple[File, ...]:
        """The kernels' own binaries, each once, by path."""
        files = {file.path: file for kernel in self.kernels for file in kernel.binaries}
        return tuple(files[path] for path in sorted(files))

    @property
    def snapshots(self) -> tuple[SnapshotFile, ...]:
        """Those of its kernels."""
        return tuple(kernel.snapshot for kernel in self.kernels if kernel.snapshot is not None)

    @property
    def contents(self) -> tuple[Stored, ...]:
        """Every file of the pack but the manifest, each once: the index, archives, and kernels' files by path."""
        files: dict[str, Stored] = {file.path: file for kernel in self.kernels for file in kernel.files}
        files |= {snapshot.path: snapshot for snapshot in self.snapshots}
        return (self.index, *self.archives, *(files[path] for path in sorted(files)))

    def start_size(self, kernel: Kernel) -> int:
        """Bytes of the index, and of the binaries, archives or snapshot that are read before that kernel is ready."""
        own = {file.path: file.size for file in kernel.binaries}
        restored = kernel.snapshot.size if kernel.snapshot else 0
        return self.index.size + sum(own.values()) + restored + sum(self.archives[at].size for at in kernel.loaded)

    @property
    def total_size(self) -> int:
        """Bytes of all that a kernel can ask for: archives, index, binaries and snapshots, as they are served."""
        return self.index.size + sum(one.size for own in (self.archives, self.binaries, self.snapshots) for one in own)
