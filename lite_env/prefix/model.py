"""The values that an installed environment is read into."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lite_env.lock.model import Manager


@dataclass(frozen=True, kw_only=True, slots=True)
class InstalledPackage:
    """One package in a prefix, of conda (``conda-meta/*.json`` tells of it) or a wheel; what follows treats both alike.

    Attributes:
        sha256: of the package file, or None where the installer did not record it; of a wheel, whose file nobody
            records, over what its RECORD says of its files.
        build: a wheel's compatibility tag.
        depends: match specs, sorted; of a wheel its requirements without those of extras, written as such.
        files: prefix-relative POSIX paths, sorted.
        manager: ``conda``, or ``wheel`` for what pip and uv install.
        digests: SHA-256 of its files as they should lie in the prefix, by path, where the installer recorded it.
        moved: files of it that rattler moved away because another package's stand: where they are, to where they
            belong.
    """

    name: str
    version: str
    build: str
    build_number: int
    subdir: str
    file_name: str
    sha256: str | None
    license: str | None
    depends: tuple[str, ...]
    files: tuple[str, ...]
    manager: Manager = "conda"
    digests: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    moved: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class PrefixFile:
    """One file or symbolic link in a prefix.

    Attributes:
        path: prefix-relative, POSIX.
        size: bytes; 0 for a link.
        package: name of the package that owns it; None for a file that no package knows (installed by pip, uv or hand).
        executable: whether its owner may execute it.
        link: target of a symbolic link, relative to the link's folder; None for a file.
        recorded: SHA-256 that its package's record gives it; None where there is none.
    """

    path: str
    size: int
    package: str | None = None
    executable: bool = False
    link: str | None = None
    recorded: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Runtime:
    """How a kernel is started, as far as the packages tell it.

    Attributes:
        family: of kernels, by the name of its folder in ``families``.
        interpreter: name of the package that brings its interpreter; None where the kernel is the interpreter.
        emscripten: version of ``emscripten-abi``, or None where no package says so.
        python: version of the Python that the kernel runs, or None for another language.
        worker: whether its worker runs a classic script or a module.
    """

    family: str
    interpreter: str | None = None
    emscripten: str | None = None
    python: str | None = None
    worker: Literal["classic", "module"] = "classic"


@dataclass(frozen=True, kw_only=True, slots=True)
class KernelFile:
    """One of a kernel's own files.

    Attributes:
        role: what it is for, as its family calls it: ``script``, ``wasm``, ``data``, ``shared``.
        name: what the kernel asks for.
        path: where it lies in the prefix.
    """

    role: str
    name: str
    path: str


@dataclass(frozen=True, kw_only=True, slots=True)
class KernelSpec:
    """A Jupyter kernel found in ``share/jupyter/kernels``; all paths prefix-relative, POSIX.

    Attributes:
        name: the folder's name.
        display_name, language, argv: from ``kernel.json``, the prefix placeholder removed.
        directory: the kernelspec's folder.
        binaries: what it consists of besides: scripts, modules, libraries, by role.
        logos: files beside ``kernel.json``, sorted.
        document: the whole ``kernel.json`` without the prefix placeholder, as JSON with sorted keys.
        runtime: how it is started.
        startup: where the code lies that runs before the first cell; None where there is none.
        pictures: contents of logos that are symbolic links, by path: they are packed as files.
    """

    name: str
    display_name: str
    language: str
    argv: tuple[str, ...]
    directory: str
    binaries: tuple[KernelFile, ...]
    runtime: Runtime
    startup: str | None = None
    logos: tuple[str, ...] = ()
    document: str = "{}\n"
    pictures: tuple[tuple[str, bytes], ...] = ()

    @property
    def spec(self) -> str:
        """Where ``kernel.json`` lies."""
        return f"{self.directory}/kernel.json"

    def file(self, role: str) -> str:
        """Where its one file of that role lies."""
        (path,) = (file.path for file in self.binaries if file.role == role)
        return path

    @property
    def paths(self) -> tuple[str, ...]:
        """Where all files of the kernel lie."""
        return (self.spec, *(file.path for file in self.binaries), *self.logos)


@dataclass(frozen=True, kw_only=True, slots=True)
class Prefix:
    """An installed environment: made by lite_env, micromamba or pixi alike.

    Attributes:
        path: the folder.
        name: the environment's name: as recorded by `lite_env`, else the folder's.
        packages: sorted by name.
        files: all that lies in it but ``conda-meta``, sorted by path.
        kernels: sorted by name.
        requested: match specs that were asked for, sorted; empty where no record says so.
        variables: environment variables (``conda-meta/state``), sorted by name.
        digests: SHA-256 of each file (links are none), by path, once `hash_prefix` has read them: nobody needs to hash
            a file again that is in it. Empty before.
    """

    path: Path
    name: str
    packages: tuple[InstalledPackage, ...]
    files: tuple[PrefixFile, ...]
    kernels: tuple[KernelSpec, ...]
    requested: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    @property
    def python(self) -> str | None:
        """Version of the package ``python``, if there is one."""
        return self._version("python")

    @property
    def emscripten(self) -> str | None:
        """Version of the package ``emscripten-abi``, if there is one."""
        return self._version("emscripten-abi")

    def _version(self, name: str) -> str | None:
        return next((package.version for package in self.packages if package.name == name), None)
