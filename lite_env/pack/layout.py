"""Which file lies in which archive beside which: a pure function of the files, a profile and what is bytecode.

Archives are of these sorts, in this order:

* ``interpreter``: what is opened until the interpreter is up; one archive, or one a package.
* ``kernel``: what the kernel opens besides, until its first cell is done; the same.
* ``import``: what the import of one traced module opens besides; uncut, since all of it is needed at once. What several
  of them open lies in archives of its own, once.
* ``demand``: what a user's program opens besides; then the rest of each package, cut at about `ARCHIVE_SIZE` and never
  mixed with another package's. What imports open (``code``), what they do not (``data``), sources of modules that have
  bytecode, and tests lie apart from each other.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Literal

from lite_env.pack.archive import END_OF_ARCHIVE, Entry, entry_size, tar_offsets
from lite_env.pack.bytecode import named_by_source, source_path
from lite_env.pack.profile import Profile, file_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lite_env.pack.manifest import Load
    from lite_env.prefix.model import PrefixFile

ARCHIVE_SIZE = 1 << 20
"""Bytes of an uncompressed archive that are aimed at; a larger file has an archive of its own."""

SHARED_SIZE = 128 << 10
"""Bytes below which what the same imports share is put together with what others share: a request is dearer."""

Kind = Literal["interpreter", "kernel", "import", "shared", "workload", "code", "data", "sources", "tests"]
Order = Literal["fused", "packages"]

_LOADS: Mapping[Kind, Load] = {
    "interpreter": "interpreter",
    "kernel": "kernel",
    "import": "import",
    "shared": "import",
}
_TRACED: frozenset[Kind] = frozenset({"interpreter", "kernel", "import", "shared", "workload"})
_CODE_SUFFIXES = (".py", ".pyc", ".so", ".pth", ".lua")
# importlib.metadata opens these when a package asks for its own version or for plugins.
_CODE_METADATA = ("METADATA", "PKG-INFO", "entry_points.txt")


_UNTRACED = Profile(environment="", interpreter=(), kernel=(), imports={})


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchivePlan:
    """One archive to be written.

    Attributes:
        packages: how many entries of each package it holds, sorted by name; entries of no package come after them.
        kind: see the module's docstring.
        load: when it is fetched: for the interpreter, the kernel, an import, or on demand.
        entries: sorted by package (those of none last) and path.
        raw_size: bytes of the uncompressed tar.
    """

    packages: Mapping[str, int]
    kind: Kind
    load: Load
    entries: tuple[Entry, ...]
    raw_size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """All archives, and for each traced module the positions of those that its import needs besides the boot's."""

    archives: tuple[ArchivePlan, ...]
    imports: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


# Files that belong together, before they are cut: what they are, and which imports open them.
_Group = tuple[Kind, tuple[str, ...], "list[PrefixFile]"]


def lay_out(files: Iterable[PrefixFile], *, profile: Profile | None = None, order: Order = "fused") -> Layout:
    """Put each of `files` into one archive.

    Args:
        files: of the environment, bytecode among them.
        profile: what was traced; without one everything is loaded on demand.
        order: ``fused``: one archive for the interpreter, one for the kernel and one an import; ``packages``: these
            cut by packages, so that environments can share them.
    """
    archives: list[ArchivePlan] = []
    users: list[tuple[str, ...]] = []
    for kind, names, members in _groups(tuple(files), profile or _UNTRACED):
        for part in _cut(kind, members, order):
            archives.append(_archive(kind, part))
            users.append(names)
    modules = sorted(profile.imports) if profile else []
    imports = {name: tuple(number for number, names in enumerate(users) if name in names) for name in modules}
    return Layout(archives=tuple(archives), imports=imports)


def kind_of(path: str) -> Kind:
    """Whether imports open the file at `path` (``code``), programs do, if anyone (``data``), or it is a test."""
    folder, _, base = path.rpartition("/")
    if "tests" in folder.split("/"):
        return "tests"
    if base.endswith(_CODE_SUFFIXES) or ".so." in base:
        return "code"
    return "code" if base in _CODE_METADATA and folder.endswith((".dist-info", ".egg-info")) else "data"


def _groups(files: Sequence[PrefixFile], profile: Profile) -> Iterable[_Group]:
    """Every file in one group; groups in the order of their archives."""
    starting: dict[str, Kind] = dict.fromkeys(profile.interpreter, "interpreter")
    starting |= dict.fromkeys(profile.kernel, "kernel")
    importing = _openers(profile.imports)
    working = _openers(profile.workloads)
    compiled = {source for file in files if (source := source_path(file.path)) is not None}
    started: dict[Kind, list[PrefixFile]] = {"interpreter": [], "kernel": []}
    imported: dict[tuple[str, ...], list[PrefixFile]] = defaultdict(list)
    worked: dict[tuple[str, ...], list[PrefixFile]] = defaultdict(list)
    rest: dict[tuple[bool, str, Kind], list[PrefixFile]] = defaultdict(list)
    present = {file.path for file in files}
    for file in files:
        key = file_key(file.package, named_by_source(file.path, present))
        if file.path in compiled:
            rest[file.package is None, file.package or "", "sources"].append(file)
        elif key in starting:
            started[starting[key]].append(file)
        elif key in importing:
            imported[importing[key]].append(file)
        elif key in working:
            worked[working[key]].append(file)
        else:
            rest[file.package is None, file.package or "", kind_of(file.path)].append(file)
    yield from ((kind, (), members) for kind, members in started.items() if members)
    alone = sorted(names for names in imported if len(names) == 1)
    for names in alone:
        yield "import", names, imported[names]
    yield from _shared({names: members for names, members in imported.items() if len(names) > 1})
    for programs in sorted(worked):
        yield "workload", (), worked[programs]
    for place in sorted(rest):
        yield place[2], (), rest[place]


def _openers(opened: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """For each file, who opens it, sorted."""
    openers: dict[str, list[str]] = defaultdict(list)
    for name in sorted(opened):
        for file in opened[name]:
            openers[file].append(name)
    return {file: tuple(names) for file, names in openers.items()}


def _shared(groups: Mapping[tuple[str, ...], list[PrefixFile]]) -> Iterable[_Group]:
    """What several imports open: one group for the same imports; small ones together, up to `ARCHIVE_SIZE`."""
    names: frozenset[str] = frozenset()
    together: list[PrefixFile] = []
    for importers in sorted(groups):
        members = groups[importers]
        if _raw_size(members) >= SHARED_SIZE:
            yield "shared", importers, members
            continue
        if together and _raw_size([*together, *members]) > ARCHIVE_SIZE:
            yield "shared", tuple(sorted(names)), together
            names, together = frozenset(), []
        names, together = names | set(importers), together + members
    if together:
        yield "shared", tuple(sorted(names)), together


def _cut(kind: Kind, members: Sequence[PrefixFile], order: Order) -> Iterable[list[PrefixFile]]:
    """The archives of one group."""
    ordered = sorted(members, key=lambda file: (*_owner(file), file.path))
    if kind in _TRACED:
        if order == "fused":
            yield ordered
        else:
            yield from (list(owned) for _, owned in groupby(ordered, key=_owner))
        return
    part: list[PrefixFile] = []
    size = END_OF_ARCHIVE
    for file in ordered:
        cost = entry_size(_entry(file))
        if END_OF_ARCHIVE + cost > ARCHIVE_SIZE:
            yield [file]
            continue
        if part and size + cost > ARCHIVE_SIZE:
            yield part
            part, size = [], END_OF_ARCHIVE
        part.append(file)
        size += cost
    if part:
        yield part


def _archive(kind: Kind, members: Sequence[PrefixFile]) -> ArchivePlan:
    entries = tuple(_entry(file) for file in members)
    return ArchivePlan(
        packages=dict(sorted(Counter(file.package for file in members if file.package is not None).items())),
        kind=kind,
        load=_LOADS.get(kind, "demand"),
        entries=entries,
        raw_size=tar_offsets(entries)[1],
    )


def _owner(file: PrefixFile) -> tuple[bool, str]:
    return file.package is None, file.package or ""


def _raw_size(members: Sequence[PrefixFile]) -> int:
    return tar_offsets([_entry(file) for file in members])[1]


def _entry(file: PrefixFile) -> Entry:
    return Entry(path=file.path, size=file.size, executable=file.executable, link=file.link)
