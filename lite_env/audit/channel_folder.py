"""A channel's folder, read for an audit: what its packages are, and what of it another package needs."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from lite_env.audit.package_file import is_package_file, look_into, read_package_file
from lite_env.channel.model import SUBDIRS
from lite_env.errors import PrefixError
from lite_env.spec.matchspec import name_of
from lite_env.wasm.dylink import is_library

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lite_env.audit.contents import Contents
    from lite_env.audit.package_file import PackageFile


def is_channel(path: Path) -> bool:
    """Whether the folder `path` has packages below the subdirs of a channel."""
    return any((path / subdir).is_dir() for subdir in SUBDIRS)


class ChannelFolder:
    """The packages that lie in a channel's folder; each is read when it is asked for, and once.

    What cannot be read is passed by, and kept in `broken` with the reason, by file name.

    Args:
        path: the folder.
        host_paths: as for `look_into`.
    """

    def __init__(self, path: Path, *, host_paths: Sequence[str] = ()) -> None:
        self.path = path
        self._host_paths = host_paths
        self._contents: dict[Path, Contents | None] = {}
        self.broken: dict[str, PrefixError] = {}

    @cached_property
    def files(self) -> tuple[PackageFile, ...]:
        """Its packages, by subdir and name, as their lists tell."""
        found = []
        for subdir in SUBDIRS:
            for path in sorted((self.path / subdir).glob("*")):
                if not is_package_file(path) or not path.is_file():
                    continue
                try:
                    found.append(read_package_file(path))
                except PrefixError as error:
                    self.broken[path.name] = error
        return tuple(found)

    def contents(self, file: PackageFile) -> Contents | None:
        """The contents of one of its packages; None where it cannot be read, or is hostile."""
        if file.path not in self._contents:
            try:
                self._contents[file.path] = look_into(file, host_paths=self._host_paths)
            except PrefixError as error:
                self._contents[file.path] = None
                self.broken[file.path.name] = error
        return self._contents[file.path]

    def dependencies(self, depends: Sequence[str]) -> tuple[PackageFile, ...]:
        """What `depends` leads to here, in every version, and what that leads to."""
        by_name: dict[str, list[PackageFile]] = {}
        for file in self.files:
            by_name.setdefault(file.package.name, []).append(file)
        found: dict[Path, PackageFile] = {}
        waiting = [name_of(spec) for spec in depends]
        seen: set[str | None] = set()
        while waiting:
            name = waiting.pop()
            if name is None or name in seen:
                continue
            seen.add(name)
            for file in by_name.get(name, ()):
                found[file.path] = file
                waiting += [name_of(spec) for spec in file.package.depends]
        return tuple(found.values())

    def with_libraries(self, files: Sequence[PackageFile]) -> tuple[Contents, ...]:
        """The contents of those of `files` that list a shared library."""
        return self._readable([file for file in files if any(map(is_library, file.files))])

    def with_main_modules(self) -> tuple[Contents, ...]:
        """The contents of the packages that list a module and a script of one name, side by side."""
        return self._readable([file for file in self.files if has_main_module(file.files)])

    def _readable(self, files: Sequence[PackageFile]) -> tuple[Contents, ...]:
        return tuple(contents for file in files if (contents := self.contents(file)) is not None)


def has_main_module(paths: Sequence[str]) -> bool:
    """Whether there is a module among `paths` with its script."""
    known = frozenset(paths)
    stems = [path.removesuffix(".wasm") for path in paths if path.endswith(".wasm")]
    return any(not known.isdisjoint((f"{stem}.js", f"{stem}.mjs")) for stem in stems)
