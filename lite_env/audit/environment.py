"""A pack or an installed environment, read for an audit."""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lite_env.audit.contents import Contents
from lite_env.audit.look import Looker
from lite_env.audit.runtime import main_modules, make_runtime
from lite_env.errors import ManifestError
from lite_env.pack.index import IndexedFile, IndexedLink
from lite_env.pack.owners import owners_in_order
from lite_env.pack.reader import MANIFEST, read_content, read_index, read_manifest
from lite_env.prefix.reader import read_prefix
from lite_env.prefix.record import is_prefix
from lite_env.progress import SILENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from lite_env.audit.runtime import Runtime
    from lite_env.pack.index import Index
    from lite_env.pack.manifest import Archive, Manifest, Package
    from lite_env.prefix.model import InstalledPackage, Prefix
    from lite_env.progress import Reporter


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """A pack or an installed environment.

    Attributes:
        contents: of its packages, by name; what belongs to none is not among them.
        runtimes: of its kernels.
    """

    contents: tuple[Contents, ...]
    runtimes: tuple[Runtime, ...]


def is_environment(path: Path) -> bool:
    """Whether the folder `path` is a pack or an installed environment."""
    return (path / MANIFEST).is_file() or is_prefix(path)


def read_environment(path: Path, *, reporter: Reporter = SILENT) -> Environment:
    """The packages and runtimes of a pack or an installed environment.

    Args:
        path: its folder.
        reporter: told of what is read.

    Raises:
        ManifestError: the pack is damaged.
        PrefixError: the environment is.
    """
    if (path / MANIFEST).is_file():
        manifest = read_manifest(path)
        return Environment(
            contents=_contents_of_pack(path, manifest, reporter), runtimes=tuple(_runtimes_of_pack(path, manifest))
        )
    prefix = read_prefix(path)
    return Environment(
        contents=_contents_of_prefix(path, prefix, reporter), runtimes=tuple(_runtimes_of_prefix(path, prefix))
    )


def read_environment_runtimes(path: Path) -> tuple[Runtime, ...]:
    """The runtimes of the kernels of a pack or an installed environment, without looking at anything else of it.

    Raises:
        ManifestError, PrefixError: as `read_environment`.
    """
    if (path / MANIFEST).is_file():
        return tuple(_runtimes_of_pack(path, read_manifest(path)))
    return tuple(_runtimes_of_prefix(path, read_prefix(path)))


class _Seen:
    """What was seen of one package."""

    def __init__(self) -> None:
        self._looker = Looker()
        self._files: list[str] = []
        self.links: dict[str, str] = {}

    def see(self, path: str, data: bytes) -> None:
        self._files.append(path)
        self._looker.see(path, data)

    def contents(
        self,
        name: str,
        *,
        version: str = "",
        depends: Sequence[str] = (),
        license_: str | None = None,
        is_wheel: bool = False,
    ) -> Contents:
        return Contents(
            name=name,
            version=version,
            label=name,
            subdir=None,
            noarch=None,
            depends=tuple(depends),
            license=license_,
            complete=False,
            is_wheel=is_wheel,
            files=tuple(sorted(self._files)),
            links=self.links,
            **self._looker.facts(),
        )


def _runtimes_of_kernel(
    files: Iterable[tuple[str, bytes]], *, emscripten: str | None, python: str | None
) -> Iterator[Runtime]:
    seen = _Seen()
    for path, data in files:
        seen.see(path, data)
    for binary, glue in main_modules(seen.contents("")):
        made = make_runtime(binary, glue, emscripten=emscripten, python=python)
        if made is not None:
            yield made


def _runtimes_of_pack(pack: Path, manifest: Manifest) -> Iterator[Runtime]:
    for kernel in manifest.kernels:
        files = ((file.source, read_content(pack, file)) for file in kernel.binaries)
        yield from _runtimes_of_kernel(files, emscripten=kernel.runtime.emscripten, python=kernel.runtime.python)


def _runtimes_of_prefix(root: Path, prefix: Prefix) -> Iterator[Runtime]:
    for kernel in prefix.kernels:
        files = ((file.path, (root / file.path).read_bytes()) for file in kernel.binaries)
        yield from _runtimes_of_kernel(files, emscripten=kernel.runtime.emscripten, python=kernel.runtime.python)


def _contents_of_pack(pack: Path, manifest: Manifest, reporter: Reporter) -> tuple[Contents, ...]:
    seen: dict[str | None, _Seen] = {}
    for file in manifest.binaries:
        seen.setdefault(file.package, _Seen()).see(file.source, read_content(pack, file))
    index = read_index(pack, manifest)
    with reporter.task("reading", sum(archive.raw_size for archive in manifest.archives), "B") as task:
        for number, archive in enumerate(manifest.archives):
            _see_archive(pack, archive, number, index, seen)
            task.advance(archive.raw_size)
    return _contents_of_packages(manifest.environment.packages, seen)


def _see_archive(pack: Path, archive: Archive, number: int, index: Index, seen: dict[str | None, _Seen]) -> None:
    raw = read_content(pack, archive)
    try:
        with tarfile.open(fileobj=io.BytesIO(raw), mode="r:", encoding="utf-8", errors="strict") as tar:
            names = tar.getnames()
    except (tarfile.TarError, ValueError) as error:
        raise ManifestError(f"'{archive.path}' is not a tar: {error}", file=archive.path) from error
    for path, owner in owners_in_order(archive.packages, names):
        entry = index.entries.get(path)
        if isinstance(entry, IndexedLink):
            seen.setdefault(owner, _Seen()).links[path] = entry.target
        elif isinstance(entry, IndexedFile) and entry.archive == number:
            seen.setdefault(owner, _Seen()).see(path, raw[entry.offset : entry.offset + entry.size])


def _contents_of_prefix(root: Path, prefix: Prefix, reporter: Reporter) -> tuple[Contents, ...]:
    seen: dict[str | None, _Seen] = {}
    with reporter.task("reading", sum(file.size for file in prefix.files), "B") as task:
        for file in prefix.files:
            if file.link is not None:
                seen.setdefault(file.package, _Seen()).links[file.path] = file.link
            else:
                seen.setdefault(file.package, _Seen()).see(file.path, (root / file.path).read_bytes())
            task.advance(file.size)
    return _contents_of_packages(prefix.packages, seen)


def _contents_of_packages(
    packages: Sequence[Package | InstalledPackage], seen: Mapping[str | None, _Seen]
) -> tuple[Contents, ...]:
    return tuple(
        seen[package.name].contents(
            package.name,
            version=package.version,
            depends=package.depends,
            license_=package.license,
            is_wheel=package.manager == "wheel",
        )
        for package in packages
        if package.name in seen
    )
