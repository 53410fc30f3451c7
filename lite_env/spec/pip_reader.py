"""Reads a whole pip section: its lines, the files that ``-r`` and ``-c`` name, and what paths in it lead to.

Paths are relative to the environment file, also in ``-r`` files: so conda has it, which runs pip in that folder. Paths
behind ``-r`` and ``-c`` themselves are relative to the file that they stand in.
"""

from __future__ import annotations

import os.path
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lite_env.errors import SpecError
from lite_env.spec.address import is_file_url, local_path
from lite_env.spec.pip import Option, PipLineError, PipRequirement, PipSection, Wanted, parse_line, split_git
from lite_env.spec.places import is_file, is_folder
from lite_env.spec.settings import read_project_date
from lite_env.store.refusals import hint_of, is_absence
from lite_env.store.text import Origin, decode_text, read_bounded, shown, split_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MAX_BYTES = 4 << 20
"""Bytes of one requirements file."""
_MAX_FILES = 50
_MAX_REQUIREMENTS = 10_000
_PROJECT_FILES = ("pyproject.toml", "setup.py")


@dataclass(frozen=True, kw_only=True, slots=True)
class PipLine:
    """A line as it was written, and where."""

    text: str
    file: Path
    line: int

    def fault(self, problem: str, hint: str | None = None) -> SpecError:
        """The error for a fault in this line."""
        return SpecError(problem, hint=hint, file=str(self.file), line=self.line)


def read_section(lines: Sequence[PipLine], folder: Path) -> PipSection | None:
    """The section that `lines` are of; None where they ask for nothing.

    Args:
        lines: of the environment file.
        folder: that of the environment file, absolute.

    Raises:
        SpecError: a line cannot be understood, or a file or folder that it names is not there; with the line.
    """
    reader = _Reader(folder)
    reader.read(lines, ())
    return reader.section()


@dataclass(slots=True)
class _Reader:
    """Gathers what the lines come to, in their order."""

    folder: Path
    requirements: list[PipRequirement] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    index_url: str | None = None
    extra: list[str] = field(default_factory=list)
    find_links: list[Path | str] = field(default_factory=list)
    switches: set[str] = field(default_factory=set)
    sources: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def section(self) -> PipSection | None:
        """What was read."""
        if not self.requirements:
            return None
        return PipSection(
            requirements=tuple(self.requirements),
            constraints=tuple(sorted(set(self.constraints))),
            index_url=self.index_url,
            extra_index_urls=tuple(dict.fromkeys(self.extra)),
            find_links=tuple(dict.fromkeys(self.find_links)),
            no_index="--no-index" in self.switches,
            prereleases="--pre" in self.switches,
            exclude_newer=read_project_date(self.folder),
            sources=tuple(dict.fromkeys(self.sources)),
            notes=tuple(self.notes),
        )

    def read(self, lines: Iterable[PipLine], within: tuple[Path, ...], *, constrain: bool = False) -> None:
        """Take in lines; `within` are the files that lead to them."""
        for line in lines:
            try:
                parsed = parse_line(line.text)
            except PipLineError as error:
                raise line.fault(str(error), error.hint) from error
            if isinstance(parsed, Wanted) and constrain:
                self._constrain(parsed, line)
            elif isinstance(parsed, Wanted):
                self._add(parsed, line)
            elif parsed is not None:
                self._follow(parsed, line, within, constrain=constrain)

    def _add(self, wanted: Wanted, line: PipLine) -> None:
        if len(self.requirements) >= _MAX_REQUIREMENTS:
            raise line.fault(f"the pip section has more than {_MAX_REQUIREMENTS:,} requirements")
        found = _requirement(wanted, line, self.folder)
        if found.editable:
            self.notes.append(
                f"{line.file}, line {line.line}: `{found.text}` is built and packed as it is now; later changes of its"
                " sources need a new lock"
            )
        self.requirements.append(found)

    def _constrain(self, wanted: Wanted, line: PipLine) -> None:
        if wanted.place or wanted.name is None or wanted.extras:
            raise line.fault("a constraint is neither an address nor a path, and has no extras", "write `NAME<2`")
        self.constraints.append(f"{wanted.name}{wanted.versions}{f' ; {wanted.marker}' if wanted.marker else ''}")

    def _follow(self, option: Option, line: PipLine, within: tuple[Path, ...], *, constrain: bool) -> None:
        value = option.value
        if option.name in ("--requirement", "--constraint"):
            path = _path(value, line.file.absolute().parent, line)
            self._read_file(path, value, line, within, constrain=constrain or option.name == "--constraint")
        elif option.name == "--index-url":
            self.index_url = _index(value, line)
        elif option.name == "--extra-index-url":
            self.extra.append(_index(value, line))
        elif option.name == "--find-links" and "://" in value and not is_file_url(value):
            self.find_links.append(_index(value, line))
        elif option.name == "--find-links":
            place = _path(value, self.folder, line)
            if not is_folder(place):
                raise line.fault(
                    f"the folder of wheels '{shown(value)}' is not there", _beside(value, line, self.folder)
                )
            self.find_links.append(place)
        else:
            self.switches.add(option.name)

    def _read_file(self, path: Path, name: str, line: PipLine, within: tuple[Path, ...], *, constrain: bool) -> None:
        if path in within:
            raise line.fault(f"'{shown(name)}' leads back to itself", "remove one of the lines with `-r` or `-c`")
        if len(within) >= _MAX_FILES or len(self.sources) >= _MAX_FILES:
            raise line.fault(f"more than {_MAX_FILES} files of requirements are named")
        origin = Origin(what=f"'{path.name}'", error=SpecError, file=str(path), max_bytes=MAX_BYTES)
        try:
            text = decode_text(read_bounded(path, origin), origin)
        except OSError as error:
            raise line.fault(
                f"the requirements file '{shown(name)}' cannot be read: {error.strerror or error}",
                hint_of(error.errno) if not is_absence(error) else "paths behind -r and -c start at the file with them",
            ) from error
        self.sources.append(path)
        self.read(_lines(text, path), (*within, path), constrain=constrain)


def _lines(text: str, path: Path) -> Iterator[PipLine]:
    """The lines of a requirements file; one that ends in a backslash goes on in the next."""
    begun, first = "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        first = first or number
        if line.endswith("\\") and not line.lstrip().startswith("#"):
            begun += line[:-1] + " "
            continue
        yield PipLine(text=begun + line, file=path, line=first)
        begun, first = "", 0
    if begun:
        yield PipLine(text=begun, file=path, line=first)


def _index(value: str, line: PipLine) -> str:
    try:
        parts = split_url(value)
    except ValueError as error:
        raise line.fault(f"an index's address cannot be understood: {error}", "write `https://HOST/simple`") from error
    if is_file_url(value) and local_path(value) is not None:
        return value
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.fragment:
        raise line.fault("an index's address is not one of http or https", "write `https://HOST/simple`")
    return value.rstrip("/")


def _requirement(wanted: Wanted, line: PipLine, folder: Path) -> PipRequirement:
    found = PipRequirement(
        text="",
        kind="index",
        name=wanted.name,
        extras=wanted.extras,
        versions=wanted.versions,
        marker=wanted.marker,
        editable=wanted.editable,
        hashes=wanted.hashes,
        file=line.file,
        line=line.line,
    )
    tail = (f"[{','.join(wanted.extras)}]" if wanted.extras else "") + wanted.versions
    marker = f" ; {wanted.marker}" if wanted.marker else ""
    edit = "-e " if wanted.editable else ""
    if not wanted.place:
        return replace(found, text=f"{wanted.name}{tail}{marker}")
    if wanted.place.startswith("git+"):
        try:
            address, ref, subdirectory, egg = split_git(wanted.place)
        except PipLineError as error:
            raise line.fault(str(error), error.hint) from error
        place = (
            f"git+{address}" + (f"@{ref}" if ref else "") + (f"#subdirectory={subdirectory}" if subdirectory else "")
        )
        return replace(
            found,
            kind="git",
            text=f"{edit}{place}{tail}{marker}",
            name=wanted.name or egg,
            address=address,
            ref=ref,
            subdirectory=subdirectory,
        )
    if "://" in wanted.place and not is_file_url(wanted.place):
        address = wanted.place.partition("#")[0]
        return replace(found, kind="url", text=f"{address}{tail}{marker}", address=address)
    path = _path(wanted.place, folder, line)
    return replace(_local(found, path, line, folder), text=f"{edit}{_relative(path, folder)}{tail}{marker}", path=path)


def _relative(path: Path, folder: Path) -> str:
    try:
        text = os.path.relpath(path, folder).replace(os.sep, "/")
    except ValueError:
        # On another drive (Windows).
        return path.as_posix()
    return text if text.startswith(".") else f"./{text}"


def _local(found: PipRequirement, path: Path, line: PipLine, folder: Path) -> PipRequirement:
    """`found` with the kind of what lies at `path`."""
    if path.name.endswith(".whl"):
        if not is_file(path):
            raise line.fault(f"the wheel '{_relative(path, folder)}' is not there", _beside(str(path), line, folder))
        if found.editable:
            raise line.fault("a wheel cannot be edited", "leave out `-e`, or name the project's folder")
        return replace(found, kind="wheel")
    if not is_folder(path):
        raise line.fault(
            f"'{_relative(path, folder)}' is neither a wheel nor a folder", _beside(str(path), line, folder)
        )
    if any(is_file(path / name) for name in _PROJECT_FILES):
        return replace(found, kind="project")
    if any(path.glob("*.whl")) and not found.editable and not found.extras:
        return replace(found, kind="folder")
    raise line.fault(
        f"the folder '{_relative(path, folder)}' has neither a pyproject.toml, nor a setup.py, nor wheels in it",
        "name the folder of a project, or one with wheels",
    )


def _beside(value: str, line: PipLine, folder: Path) -> str:
    where = "paths are relative to the folder of the environment file"
    beside = line.file.absolute().parent
    if beside != folder and is_file(beside / Path(value).name):
        return f"{where}, also in '{line.file.name}'"
    return where


def _path(text: str, base: Path, line: PipLine) -> Path:
    path = local_path(text) if is_file_url(text) else Path(text)
    try:
        if path is None or "\0" in str(path):
            raise line.fault("a path cannot be understood", "write it as `./path`")
        return Path(os.path.normpath(base / path.expanduser()))
    except (RuntimeError, ValueError) as error:
        raise line.fault(f"the path '{shown(text)}' cannot be understood: {error}") from error
