"""The values that an installed environment is read into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class InstalledPackage:
    """One conda package in a prefix, as ``conda-meta/*.json`` tells of it.

    Attributes:
        sha256: of the package file, or None where the installer did not record it.
        files: prefix-relative POSIX paths, sorted.
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


@dataclass(frozen=True, kw_only=True, slots=True)
class KernelSpec:
    """A Jupyter kernel found in ``share/jupyter/kernels``; all paths prefix-relative, POSIX.

    Attributes:
        name: the folder's name.
        display_name, language, argv: from ``kernel.json``, the prefix placeholder removed.
        directory: the kernelspec's folder.
        script, wasm: the Emscripten glue and module, ``argv[0]`` + ``.js`` and ``.wasm``.
        data: ``argv[0]`` + ``.data`` where it exists.
        shared: libraries the main module needs before its file system exists: (name, path).
        logos: files beside ``kernel.json``, sorted.
    """

    name: str
    display_name: str
    language: str
    argv: tuple[str, ...]
    directory: str
    script: str
    wasm: str
    data: str | None = None
    shared: tuple[tuple[str, str], ...] = ()
    logos: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Runtime:
    """What differs between kernel families, as far as the packages tell it.

    Attributes:
        family: ``xeus``; others are refused until they are built.
        emscripten: version of ``emscripten-abi``, or None where no package says so.
        python: version of the ``python`` package, or None for a kernel of another language.
    """

    family: str
    emscripten: str | None
    python: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Prefix:
    """An installed environment: made by lite_env, micromamba or pixi alike.

    Attributes:
        path: the folder.
        packages: sorted by name.
        kernels: sorted by name.
        runtime: what the packages were built for.
        requested: match specs that were asked for, sorted; empty where no record says so.
        variables: environment variables (``conda-meta/state``), sorted by name.
    """

    path: Path
    packages: tuple[InstalledPackage, ...]
    kernels: tuple[KernelSpec, ...]
    runtime: Runtime
    requested: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
