"""What rules look at of a package: facts, and no bytes of its files."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from lite_env.wasm.dylink import is_library

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lite_env.audit.glue import Glue
    from lite_env.wasm.model import Module

Form: TypeAlias = Literal["WebAssembly", "ELF", "Mach-O", "PE", "unknown"]
"""What a compiled file begins as; ``unknown`` is one that is named as a library and is none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Binary:
    """One compiled file.

    Attributes:
        path: in the package.
        form: what it is.
        module: what the reader made of it; None where it is no sound WebAssembly.
        fault: why it is not.
        build_paths: paths of the machine that made it, as they stand in it, each once.
        python: the version of Python whose tag stands in it, as ``3.11``: of a main module that is one, its own.
    """

    path: str
    form: Form
    module: Module | None = None
    fault: str | None = None
    build_paths: tuple[str, ...] = ()
    python: str | None = None

    @property
    def is_library(self) -> bool:
        """Whether it is one that is loaded into a main module."""
        return is_library(self.path)


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """A package, as far as an audit wants to know it.

    Attributes:
        name, version, subdir, noarch, depends, license: as in its record; `subdir` and `license` may not be known.
        label: what it is called in findings.
        is_wheel: whether it is a wheel in an environment, which says in its own way what it is for.
        complete: whether it is the package itself: of one in a pack neither its record nor all of its files are there.
        files: paths of all files.
        links: targets of its symbolic links, by path.
        binaries: its compiled files, by path.
        glues: what the scripts beside main modules tell, by path.
        licenses: the files that are licences, also those that belong to its record.
        placeholders: files that hold the placeholder of a prefix and are not recorded as such.
        host_paths: of the machine that asks, by the file in which they stand.
        lacking: files that its lists name and it lacks.
        changed: files that are not what its lists say.
        unread: files that are too large to be looked at.
    """

    name: str
    version: str
    label: str
    subdir: str | None
    noarch: str | None
    depends: tuple[str, ...]
    license: str | None
    complete: bool
    is_wheel: bool
    files: tuple[str, ...]
    links: Mapping[str, str] = field(default_factory=dict)
    binaries: tuple[Binary, ...] = ()
    glues: Mapping[str, Glue] = field(default_factory=dict)
    licenses: tuple[str, ...] = ()
    placeholders: tuple[str, ...] = ()
    host_paths: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lacking: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def libraries(self) -> Iterator[Binary]:
        """Its shared libraries."""
        return (binary for binary in self.binaries if binary.is_library)

    def named(self) -> Iterator[tuple[str, Binary]]:
        """Its shared libraries by their bare names, those of links to them too."""
        by_path = {binary.path: binary for binary in self.libraries}
        for path, binary in by_path.items():
            yield posixpath.basename(path), binary
        for path, target in self.links.items():
            led = by_path.get(posixpath.normpath(posixpath.join(posixpath.dirname(path), target)))
            if led is not None and is_library(path):
                yield posixpath.basename(path), led
