"""The values that a channel definition becomes, and what a built channel is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

DEFINITION_FILE = "channel.yaml"
"""The file that makes a folder a channel definition."""

SUBDIRS = ("emscripten-wasm32", "noarch")
"""The conda subdirs that a channel for the browser can have."""

PREFIX_TOKEN = "@PREFIX@"  # noqa: S105 - not a password
"""Stands for the installation prefix in the `text` of a definition."""

PREFIX_PLACEHOLDER = "/opt/lite-env_placehold_placehold_placehold_placehold_placehold_placehold_placehold"
"""What `PREFIX_TOKEN` becomes in a package; ``paths.json`` names it, so that installers replace it by the prefix."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One file that is published elsewhere.

    Attributes:
        name: what the definition calls it.
        pip: ``NAME==VERSION`` of a distribution on the package index that pip is configured for, if it is there.
        npm: ``NAME@VERSION`` of a package in the registry that npm is configured for, if it is there.
        urls: further places, tried in order after pip or npm.
        members: address below which its members lie one by one, by their paths; the last place of all.
        file: the file's own name.
        sha256, size: of the file, whatever place it comes from; size in bytes.
        root: folder inside it that members are relative to, without slashes at its ends; empty for the top.
    """

    name: str
    file: str
    sha256: str
    size: int
    pip: str | None = None
    npm: str | None = None
    urls: tuple[str, ...] = ()
    members: str | None = None
    root: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """A file inside a source: `path` is relative to the source's root; an empty one means the source's file itself."""

    source: str
    path: str = ""

    def __str__(self) -> str:
        return f"{self.source}:{self.path}" if self.path else self.source

    @property
    def name(self) -> str:
        """The file's own name, where the definition has it."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, kw_only=True, slots=True)
class Transform:
    """A named change of one file's content (:mod:`lite_env.channel.transform`), and what must come out of it.

    Attributes:
        name: of the transformation.
        options: its parameters, sorted by name.
        sha256: of the result.
    """

    name: str
    options: tuple[tuple[str, str | int], ...]
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class FileRule:
    """Puts one member of a source to `path` in the package; `sha256` is the member's, where the definition has it."""

    path: str
    member: Member
    sha256: str | None = None
    transform: Transform | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchiveRule:
    """Puts the files of an archive below the folder `path` of the package.

    Attributes:
        path: the folder; empty where the archive itself tells where its files belong, as a wheel does.
        member: the archive.
        file_name: its name.
        sha256: of it, where the definition has it.
    """

    path: str
    member: Member
    file_name: str
    sha256: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class TextRule:
    """Puts a small text that stands in the definition to `path` in the package."""

    path: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PackageDefinition:
    """One conda package: its record, and what it is made of.

    Attributes:
        name, version, build, build_number, subdir, noarch, depends, constrains, license: the conda record's.
        summary, home: for ``about.json``.
        archive: an archive of an installed environment, whose files are the package's.
        wheel: a wheel, whose files are installed as an installer would.
        unpacked: archives whose files are the package's, each below a folder, sorted by it.
        files, texts: single files beside those, sorted by path.
        entry_points: commands of a ``noarch: python`` package, as ``NAME = MODULE:FUNCTION``, which installers make.
        line: where the definition of this package begins.
    """

    name: str
    version: str
    build: str
    build_number: int
    subdir: str
    license: str
    summary: str
    home: str
    noarch: Literal["python", "generic"] | None = None
    depends: tuple[str, ...] = ()
    constrains: tuple[str, ...] = ()
    archive: Member | None = None
    wheel: ArchiveRule | None = None
    unpacked: tuple[ArchiveRule, ...] = ()
    files: tuple[FileRule, ...] = ()
    texts: tuple[TextRule, ...] = ()
    entry_points: tuple[str, ...] = ()
    line: int = field(default=0, compare=False)

    @property
    def file_name(self) -> str:
        """Name of the package file."""
        return f"{self.name}-{self.version}-{self.build}.conda"

    @property
    def path(self) -> str:
        """The package file, relative to the channel."""
        return f"{self.subdir}/{self.file_name}"

    @property
    def members(self) -> tuple[Member, ...]:
        """Everything it takes from sources."""
        return tuple(member for member, _ in self.digests)

    @property
    def digests(self) -> tuple[tuple[Member, str | None], ...]:
        """Everything it takes from sources, each with the SHA-256 that the definition gives it."""
        archive = ((self.archive, None),) if self.archive else ()
        archives = (self.wheel, *self.unpacked) if self.wheel else self.unpacked
        files = tuple((rule.member, rule.sha256) for rule in self.files)
        return archive + tuple((rule.member, rule.sha256) for rule in archives) + files


@dataclass(frozen=True, kw_only=True, slots=True)
class ChannelDefinition:
    """What a channel is made of.

    Attributes:
        name, summary: for people.
        timestamp: build time of every package; part of what makes their bytes always the same.
        sources: sorted by name.
        packages: sorted by path.
        built_for: version of the Python that wheels are installed for, where no package here is Python itself.
        file: the definition's file.
        digest: SHA-256 of that file.
    """

    name: str
    summary: str
    timestamp: datetime
    sources: tuple[Source, ...]
    packages: tuple[PackageDefinition, ...]
    file: Path
    digest: str
    built_for: str | None = None

    def source(self, name: str) -> Source:
        """The source called `name`."""
        return next(source for source in self.sources if source.name == name)

    def members(self, source: str) -> dict[str, str | None]:
        """Of all that is taken from that source the SHA-256, by path."""
        found = (pair for package in self.packages for pair in package.digests)
        return {member.path: sha256 for member, sha256 in found if member.source == source}

    @property
    def python(self) -> str | None:
        """Version of the Python that wheels are installed for: of the channel's package ``python``, or `built_for`."""
        found = (package.version for package in self.packages if package.name == "python")
        return next(found, self.built_for)


@dataclass(frozen=True, kw_only=True, slots=True)
class BuiltFile:
    """One file of a built channel: POSIX path relative to it, size in bytes."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class BuiltChannel:
    """A conda channel on disk.

    Attributes:
        path: its folder, absolute.
        packages: the package files, sorted by path.
        indexes: the ``repodata.json`` files, sorted by path.
        fresh: whether this call built it; False when it was there already.
    """

    name: str
    path: Path
    packages: tuple[BuiltFile, ...]
    indexes: tuple[BuiltFile, ...]
    fresh: bool

    @property
    def url(self) -> str:
        """The channel's ``file://`` URL."""
        return self.path.as_uri()
