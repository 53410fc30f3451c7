"""The values that a lock file holds."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from lite_env.spec.address import Channel

PLATFORM = "emscripten-wasm32"
"""The conda subdir that a browser kernel is made of, beside ``noarch``."""


Manager = Literal["conda", "wheel"]
"""Whose package it is: a channel's, or a wheel."""


SourceKind = Literal["index", "file", "project", "git"]
"""How a wheel comes here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelSource:
    """Where a locked wheel comes from, and how it is made where it has to be built.

    Attributes:
        kind: ``index``: fetched; ``file``: it lies here; ``project`` and ``git``: built of sources here, or of a
            repository.
        requested: whether the environment file asks for it, and not another wheel alone.
        commit: of the repository that `LockedPackage.url` names.
        subdirectory: of the repository.
        sources_sha256: over the project's files, see :func:`lite_env.lock.project.digest_of_project`.
        build: what it was built with, ``hatchling==1.27.0``, sorted.
    """

    kind: SourceKind
    requested: bool = False
    commit: str = ""
    subdirectory: str = ""
    sources_sha256: str = ""
    build: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedPip:
    """What of an environment file's pip section a lock answers.

    Attributes:
        requirements: in one spelling (:attr:`lite_env.spec.pip.PipRequirement.text`), sorted.
        settings: constraints, indexes and the like, one each, sorted.
        sources: SHA-256 of what lies here (a wheel, a folder of wheels, a project), by its requirement; sorted.
        exclude_newer: the date before which everything was published; None for any.
    """

    requirements: tuple[str, ...]
    settings: tuple[str, ...] = ()
    sources: tuple[tuple[str, str], ...] = ()
    exclude_newer: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedPackage:
    """One package, exactly: what to fetch, and how to know that it is the right thing.

    Attributes:
        name, version, build, build_number, subdir: the conda record's identity.
        file_name: as in the channel, ``numpy-1.25.2-py311_2.conda``.
        url: where to fetch it; ``file://`` for a local channel.
        channel: URL (or ``file://`` URL) of the channel it comes from, without a trailing slash.
        sha256: of the package file, hex.
        md5, size: of the package file; size in bytes.
        depends, constrains: match specs, sorted.
        license: as the record gives it.
        noarch: ``python``, ``generic`` or None.
        timestamp: build time in milliseconds since 1970, where the record has one.
        manager: ``conda``, or ``wheel`` for what the pip section brings. A wheel's `build` is its compatibility tag,
            its `subdir` ``noarch``, its `channel` empty.
        wheel: where a wheel comes from.
    """

    name: str
    version: str
    build: str
    build_number: int
    subdir: str
    file_name: str
    url: str
    channel: str
    sha256: str
    md5: str | None = None
    size: int | None = None
    depends: tuple[str, ...] = ()
    constrains: tuple[str, ...] = ()
    license: str | None = None
    noarch: str | None = None
    timestamp: int | None = None
    manager: Manager = "conda"
    wheel: WheelSource | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Lockfile:
    """One environment, solved: packages sorted by name, and what they are the answer to.

    Attributes:
        name: the environment's name.
        channels: URLs in order of priority.
        packages: sorted by name.
        requested: the match specs that were asked for, sorted.
        variables: environment variables, sorted by name.
        spec_digest: SHA-256 of the normalised environment file that was answered.
        sources: the environment files that it answers, absolute.
        platforms: what it was solved for; packages are those for emscripten-wasm32 alone.
        pip: what of the pip section it answers; None where there is none.
        file: where it was read from, if it was.
        addresses: the channels as the environment file lists them, perhaps with credentials; a lock file holds none.
    """

    name: str
    channels: tuple[str, ...]
    packages: tuple[LockedPackage, ...]
    requested: tuple[str, ...]
    variables: tuple[tuple[str, str], ...]
    spec_digest: str
    sources: tuple[Path, ...] = ()
    platforms: tuple[str, ...] = (PLATFORM,)
    file: Path | None = None
    addresses: tuple[Channel, ...] = field(default=(), compare=False)
    pip: LockedPip | None = None

    @property
    def conda(self) -> tuple[LockedPackage, ...]:
        """The packages of channels."""
        return tuple(package for package in self.packages if package.manager == "conda")

    @property
    def wheels(self) -> tuple[LockedPackage, ...]:
        """What the pip section brings."""
        return tuple(package for package in self.packages if package.manager == "wheel")

    @property
    def is_own(self) -> bool:
        """Whether lite_env wrote it, for our platform alone: only such a lock may be written anew without being asked.

        Whatever else stands in a lock of another tool would be lost.
        """
        return bool(self.spec_digest) and self.platforms == (PLATFORM,)


def packages_digest(packages: Iterable[tuple[str, str, str]]) -> str:
    """SHA-256 over sorted (subdir, file name, sha256) of packages: the identity of an environment, free of paths."""
    lines = sorted(f"{subdir}/{file_name}#{sha256}\n" for subdir, file_name, sha256 in packages)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
