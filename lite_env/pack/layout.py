"""Which file lies in which archive beside which: a pure function of the files, a profile and what is bytecode.

Archives are of these sorts, in this order:

* ``interpreter``: what is opened until the interpreter is up; one archive, or one a package.
* ``kernel``: what the kernel opens besides, until its first cell is done; the same. Where there are several kernels,
  one archive for each set of kernels and phases that open the same: a start loads what that kernel opens, and what two
  of them open lies once.
* ``import``: what the imports of one traced package and its submodules open besides; uncut, since what an import
  opens is needed at once. What several imports open lies once, see :mod:`lite_env.pack.grouping`; ``shared`` is what
  imports of several packages open.
* ``demand``: what a user's program opens besides; then the rest of each package, cut at about `ARCHIVE_SIZE` and never
  mixed with another package's. What imports open (``code``), what they do not (``data``), sources of modules that have
  bytecode, and tests lie apart from each other.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Literal, TypeVar

from lite_env.errors import PackError
from lite_env.pack.archive import END_OF_ARCHIVE, Entry, entry_size, tar_offsets
from lite_env.pack.bytecode import named_by_source, source_path
from lite_env.pack.grouping import openers, put_together, traced_needs
from lite_env.pack.limits import MAX_RAW_SIZE
from lite_env.pack.manifest import PHASES, KernelStart
from lite_env.pack.profile import Profile, file_key
from lite_env.pack.submodules import told_apart

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lite_env.pack.manifest import Load, Phase
    from lite_env.pack.profile import Opened
    from lite_env.prefix.model import PrefixFile

ARCHIVE_SIZE = 1 << 20
"""Bytes of an uncompressed archive that are aimed at; a larger file has an archive of its own."""

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


_UNTRACED = Profile(environment="", kernels={})


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
    """All archives, and who loads them ahead.

    Attributes:
        archives: in the order of the manifest.
        imports: for each traced module the positions of those that its import needs besides its kernel's start; a
            submodule that is not named needs what the package above it does.
        starts: for each kernel the positions of those that its start loads.
    """

    archives: tuple[ArchivePlan, ...]
    imports: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    starts: Mapping[str, KernelStart] = field(default_factory=dict)


_Name = TypeVar("_Name")
# Who opens a file when: kernels in a phase of their start.
_Users = tuple[tuple[str, "Phase"], ...]
# Files that belong together, before they are cut: what they are, whose starts and which imports open them.
_Group = tuple[Kind, _Users, tuple[str, ...], "list[PrefixFile]"]


def lay_out(
    files: Iterable[PrefixFile],
    *,
    profile: Profile | None = None,
    order: Order = "fused",
    languages: Mapping[str, str] | None = None,
) -> Layout:
    """Put each of `files` into one archive.

    Args:
        files: of the environment, bytecode among them.
        profile: what was traced; without one everything is loaded on demand.
        languages: of the environment's kernels, by their names; by default the kernels are those that `profile` names.
        order: ``fused``: one archive for the interpreter, one for the kernel and one an import; ``packages``: these
            cut by packages, so that environments can share them.
    """
    traced = profile or _UNTRACED
    kernels = traced.kernels if languages is None else traced.of_kernels(languages)
    needs = traced_needs(traced)
    archives: list[ArchivePlan] = []
    users: list[_Users] = []
    importers: list[tuple[str, ...]] = []
    for kind, starts, modules, members in _groups(tuple(files), traced, kernels, needs):
        for part in _cut(kind, members, order):
            archives.append(_archive(kind, part))
            users.append(starts)
            importers.append(modules)
    return Layout(
        archives=tuple(archives),
        imports=told_apart(_positions(needs, importers), ()),
        starts={name: _start(name, users) for name in kernels},
    )


def _start(kernel: str, users: Sequence[_Users]) -> KernelStart:
    positions = _positions([(kernel, phase) for phase in PHASES], users)
    return KernelStart(**{phase: positions[kernel, phase] for phase in PHASES})


def _positions(names: Iterable[_Name], users: Iterable[Iterable[_Name]]) -> dict[_Name, tuple[int, ...]]:
    """For each of `names` where in `users` it is."""
    positions: dict[_Name, list[int]] = {name: [] for name in names}
    for number, those in enumerate(users):
        for name in those:
            if name in positions:
                positions[name].append(number)
    return {name: tuple(numbers) for name, numbers in positions.items()}


def kind_of(path: str) -> Kind:
    """Whether imports open the file at `path` (``code``), programs do, if anyone (``data``), or it is a test."""
    folder, _, base = path.rpartition("/")
    if "tests" in folder.split("/"):
        return "tests"
    if base.endswith(_CODE_SUFFIXES) or ".so." in base:
        return "code"
    return "code" if base in _CODE_METADATA and folder.endswith((".dist-info", ".egg-info")) else "data"


def _groups(
    files: Sequence[PrefixFile],
    profile: Profile,
    kernels: Mapping[str, Opened],
    needs: Mapping[str, Iterable[str]],
) -> Iterable[_Group]:
    """Every file in one group; groups in the order of their archives."""
    starting = _starters(kernels)
    importing = openers(needs)
    working = openers(profile.workloads)
    compiled = {source for file in files if (source := source_path(file.path)) is not None}
    started: dict[_Users, list[PrefixFile]] = defaultdict(list)
    started_importers: dict[_Users, set[str]] = defaultdict(set)
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
            # Of several kernels, one may open at its start what another imports later.
            started_importers[starting[key]].update(importing.get(key, ()))
        elif key in importing:
            imported[importing[key]].append(file)
        elif key in working:
            worked[working[key]].append(file)
        else:
            rest[file.package is None, file.package or "", kind_of(file.path)].append(file)
    for users in sorted(started, key=lambda users: (PHASES.index(_earliest(users)), users)):
        yield _earliest(users), users, tuple(sorted(started_importers[users])), started[users]
    yield from _imported(imported)
    for programs in sorted(worked):
        yield "workload", (), (), worked[programs]
    for place in sorted(rest):
        yield place[2], (), (), rest[place]


def _imported(groups: Mapping[tuple[str, ...], list[PrefixFile]]) -> Iterable[_Group]:
    sizes = {names: sum(entry_size(_entry(file)) for file in members) for names, members in groups.items()}
    together: dict[Kind, list[_Group]] = {"import": [], "shared": []}
    for keys in put_together(sizes):
        importers = tuple(sorted({name for names in keys for name in names}))
        kind: Kind = "import" if len({name.partition(".")[0] for name in importers}) == 1 else "shared"
        together[kind].append((kind, (), importers, [file for names in keys for file in groups[names]]))
    yield from together["import"]
    yield from together["shared"]


def _starters(kernels: Mapping[str, Opened]) -> dict[str, _Users]:
    """For each file that some kernel opens when it starts, which kernels in which phase, sorted."""
    starters: dict[str, list[tuple[str, Phase]]] = defaultdict(list)
    for name in sorted(kernels):
        for file in kernels[name].interpreter:
            starters[file].append((name, "interpreter"))
        for file in kernels[name].kernel:
            starters[file].append((name, "kernel"))
    return {file: tuple(users) for file, users in starters.items()}


def _earliest(users: _Users) -> Phase:
    return min((phase for _, phase in users), key=PHASES.index)


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
    raw_size = tar_offsets(entries)[1]
    if raw_size > MAX_RAW_SIZE:
        largest = max(entries, key=lambda entry: (entry.size, entry.path))
        raise PackError(
            f"files that are loaded together have {raw_size} bytes, more than the {MAX_RAW_SIZE} that a browser can"
            f" address; the largest is '{largest.path}' with {largest.size}",
            hint="drop it with a filter, or remove what opens it from the profile",
            file=largest.path,
        )
    return ArchivePlan(
        packages=dict(sorted(Counter(file.package for file in members if file.package is not None).items())),
        kind=kind,
        load=_LOADS.get(kind, "demand"),
        entries=entries,
        raw_size=raw_size,
    )


def _owner(file: PrefixFile) -> tuple[bool, str]:
    return file.package is None, file.package or ""


def _entry(file: PrefixFile) -> Entry:
    return Entry(path=file.path, size=file.size, executable=file.executable, link=file.link)
