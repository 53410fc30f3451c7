"""The values of a pip section, and one line of it taken apart: a requirement or an option, as pip writes them.

Requirements: https://packaging.python.org/en/latest/specifications/dependency-specifiers/; lines and options:
https://pip.pypa.io/en/stable/reference/requirements-file-format/.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from lite_env.errors import without_secrets
from lite_env.spec.address import holds_credentials, is_file_url, local_path
from lite_env.spec.matchspec import beyond_bounds
from lite_env.store.digest import is_sha256
from lite_env.store.text import shown, split_url

if TYPE_CHECKING:
    from pathlib import Path

PipKind = Literal["index", "wheel", "url", "folder", "project", "git"]
"""Where a requirement comes from: by its name from an index; a wheel here or at an address; a folder of wheels; a
project here or in a git repository, of which a wheel is built."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PipRequirement:
    """One requirement of a pip section.

    Attributes:
        text: what it means, in one spelling; local paths are relative to the environment file.
        kind: where it comes from.
        name: of the project, normalized; None where only the wheel or the project can tell.
        extras: sorted.
        versions: the specifier, ``>=1,<2``; of an index's alone.
        marker: when it is needed at all; empty for always.
        path: of a wheel, a folder or a project here.
        address: of a wheel elsewhere, or of a git repository.
        ref: branch, tag or commit of a git repository; empty for its default branch.
        subdirectory: where in a repository the project lies.
        editable: whether it was asked for with ``-e``.
        hashes: SHA-256 that the wheel may have; any when there is none.
        file, line: the place, counted from 1.
    """

    text: str
    kind: PipKind
    name: str | None = None
    extras: tuple[str, ...] = ()
    versions: str = ""
    marker: str = ""
    path: Path | None = None
    address: str = ""
    ref: str = ""
    subdirectory: str = ""
    editable: bool = False
    hashes: tuple[str, ...] = ()
    file: Path | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PipSection:
    """All that an environment file asks of pip.

    Attributes:
        requirements: in the order of the file, those of ``-r`` files at their place.
        constraints: what ``-c`` files say, ``name>=1``, sorted.
        index_url: the index to ask in place of the usual one.
        extra_index_urls: further ones.
        find_links: folders and pages of wheels.
        no_index: whether no index is asked.
        prereleases: whether such versions may be taken.
        exclude_newer: only what was published before this date.
        sources: the files that were read for it.
        notes: what was decided where the section leaves it open.
    """

    requirements: tuple[PipRequirement, ...]
    constraints: tuple[str, ...] = ()
    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[Path | str, ...] = ()
    no_index: bool = False
    prereleases: bool = False
    exclude_newer: str | None = None
    sources: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()


class PipLineError(ValueError):
    """A line that cannot be followed; `hint` says what to write."""

    def __init__(self, problem: str, hint: str) -> None:
        super().__init__(problem)
        self.hint = hint


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """An option with its long name, and its value; empty for a switch."""

    name: str
    value: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """A requirement as a line has it, not looked for on disk yet.

    Attributes:
        place: an address or a path; empty for what an index has.
        name, extras, versions, marker, hashes, editable: as of `PipRequirement`.
    """

    place: str = ""
    name: str | None = None
    extras: tuple[str, ...] = ()
    versions: str = ""
    marker: str = ""
    hashes: tuple[str, ...] = ()
    editable: bool = False


_SHORT = {"-r": "--requirement", "-c": "--constraint", "-i": "--index-url", "-f": "--find-links", "-e": "--editable"}
_VALUED = {*_SHORT.values(), "--extra-index-url"}
_SWITCHES = {"--no-index", "--pre"}
# They ask for what is done anyway, or for a way of doing it.
_NEEDLESS = {"--prefer-binary", "--use-pep517", "--only-binary", "--use-feature"}
_OPTION = re.compile(r"(?P<name>--[a-z0-9-]+|-[a-zA-Z])(?:=|\s|(?<=-[a-zA-Z])|\Z)(?P<value>.*)\Z", re.DOTALL)
# What stands behind the `@` of a repository is no host, and `git@` of ssh is no secret.
_GIT_REF = re.compile(r"(git\+[a-z]+://)(?:git@)?([^\s/@]*/[^\s@#]*)(?:@[A-Za-z0-9._/+-]+)?")
_COMMENT = re.compile(r"(?:^|\s)#.*$")
_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")
_HASH = re.compile(r"\s--hash[= ](\S+)")
_PLACE = re.compile(r"[./~\\]|[A-Za-z]:[/\\]|(?:git|hg|svn|bzr)\+|[A-Za-z][A-Za-z0-9+.-]*:/")
_DIRECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\s*(?:\[[^\]]*\])?\s*@\s")
_ARCHIVES = (".tar.gz", ".zip", ".tgz", ".tar.bz2", ".tar.xz")
_EXTRAS = re.compile(r"\[([^\]]*)\]\Z")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\Z")
_ON_INDEX = "write `NAME`, `NAME>=1,<2`, `./NAME-1.0-py3-none-any.whl`, `./project` or `git+https://…`"
_GIT = "write `git+https://HOST/PATH@TAG`, and `#subdirectory=FOLDER` where the project lies deeper"


def parse_line(text: str) -> Option | Wanted | None:
    """One line of a pip section or of a requirements file; None for one that asks for nothing.

    Raises:
        PipLineError: it cannot be understood, or is not possible here. Its text may be shown.
    """
    if reason := beyond_bounds(text.strip()):
        raise PipLineError(f"a line of the pip section {reason}", _ON_INDEX)
    line = _COMMENT.sub("", text).strip()
    if not line:
        return None
    if _VARIABLE.search(line):
        raise PipLineError(
            f"`{_public(line)}` names an environment variable, and a lock must not depend on what it holds",
            "write what it stands for; user and password of an index belong into `.netrc`",
        )
    if holds_credentials(_GIT_REF.sub(r"\1\2", line)):
        raise PipLineError(
            f"`{_public(line)}` holds credentials, which would be published with the lock",
            "take them out, and put them where uv finds them: `.netrc`, or UV_DEFAULT_INDEX for an index",
        )
    if line.startswith("-"):
        option = _option(line)
        if option is None or option.name != "--editable":
            return option
        return _wanted(option.value, editable=True)
    return _wanted(line, editable=False)


def split_git(address: str) -> tuple[str, str, str, str | None]:
    """A ``git+`` address as repository, ref (perhaps empty), subdirectory (perhaps empty) and name (``#egg=``).

    Raises:
        PipLineError: it is none.
    """
    rest, _, fragment = address.removeprefix("git+").partition("#")
    named = dict(part.partition("=")[::2] for part in fragment.split("&") if part)
    try:
        parts = split_url(rest)
    except ValueError as error:
        raise PipLineError(f"`{_public(address)}` is no address: {error}", _GIT) from error
    if parts.scheme not in ("https", "http", "ssh", "git", "file") or not parts.path.strip("/"):
        raise PipLineError(f"`{_public(address)}` is no address of a git repository", _GIT)
    path, at, ref = parts.path.rpartition("@")
    repository = parts._replace(path=path if at else parts.path, query="").geturl()
    subdirectory = unquote(named.get("subdirectory", "")).strip("/")
    if ".." in subdirectory.split("/") or "\\" in subdirectory:
        raise PipLineError(f"the subdirectory of `{_public(address)}` leaves the repository", _GIT)
    if at and (not ref or ref.startswith("-") or not re.fullmatch(r"[A-Za-z0-9._/+-]+", ref)):
        raise PipLineError(f"`{_public(address)}` names no branch, tag or commit behind its `@`", _GIT)
    egg = named.get("egg", "").partition("[")[0]
    return repository, ref if at else "", subdirectory, canonicalize_name(egg) if _NAME.match(egg) else None


def _public(text: str) -> str:
    return without_secrets(shown(text))


def _option(line: str) -> Option | None:
    found = _OPTION.match(line)
    name = _SHORT.get(found["name"], found["name"]) if found else line
    if found is None or name not in _VALUED | _SWITCHES | _NEEDLESS:
        raise PipLineError(
            f"the option `{_public(name)}` of pip has no meaning here",
            "leave it out; known are -r, -c, -e, -i, --extra-index-url, -f, --no-index and --pre",
        )
    if name == "--editable":
        return Option(name=name, value=found["value"].strip())
    if name in _NEEDLESS:
        return None
    try:
        values = shlex.split(found["value"])
    except ValueError as error:
        raise PipLineError(f"`{_public(line)}` has a quote that is not closed", "close it, or leave it out") from error
    if len(values) != (name in _VALUED) or "" in values:
        raise PipLineError(
            f"`{_public(line)}` needs {'exactly one value' if name in _VALUED else 'no value'}",
            "quote a path with blanks in it",
        )
    return Option(name=name, value=values[0] if values else "")


def _wanted(line: str, *, editable: bool) -> Wanted:
    hashes = tuple(_sha256(found) for found in _HASH.findall(line))
    text = _HASH.sub("", line).strip()
    first = text.split(";")[0].strip().lower()
    if _DIRECT.match(text) or (not _PLACE.match(text) and not first.endswith((".whl", *_ARCHIVES))):
        return _by_name(text, hashes, editable=editable)
    place, marker = text, ""
    if " ;" in text:
        place, _, marker = (part.strip() for part in text.partition(" ;"))
        marker = _marker(marker)
    extras = _EXTRAS.search(place)
    names = tuple(sorted({canonicalize_name(each.strip()) for each in extras[1].split(",")})) if extras else ()
    place = place[: extras.start()].strip() if extras else place
    return Wanted(place=_allowed(place), extras=names, marker=marker, hashes=hashes, editable=editable)


def _by_name(text: str, hashes: tuple[str, ...], *, editable: bool) -> Wanted:
    try:
        found = Requirement(text)
    except (InvalidRequirement, RecursionError) as error:
        # What packaging says goes over several lines, with a mark below the text.
        reason = str(error).splitlines()[0] if str(error) else "it nests too deep"
        raise PipLineError(f"`{_public(text)}` is no requirement: {_public(reason)}", _ON_INDEX) from error
    if editable and not found.url:
        raise PipLineError(f"`-e {_public(text)}` names no project here", "write `-e .` or `-e ./project`")
    return Wanted(
        place=_allowed(found.url) if found.url else "",
        name=canonicalize_name(found.name),
        extras=tuple(sorted(map(canonicalize_name, found.extras))),
        versions=str(found.specifier),
        marker=str(found.marker or ""),
        hashes=hashes,
        editable=editable,
    )


def _marker(text: str) -> str:
    try:
        return str(Marker(text))
    except (InvalidMarker, RecursionError) as error:
        raise PipLineError(f"`{_public(text)}` is no marker", "as in `; python_version < '3.12'`") from error


def _allowed(place: str) -> str:
    if re.match(r"(hg|svn|bzr)\+", place):
        raise PipLineError(f"`{_public(place)}` is no git repository", "git is the only one that can be asked")
    path = place.partition("#")[0].lower()
    if path.endswith(_ARCHIVES):
        raise PipLineError(
            f"`{_public(place)}` is a source archive, and only wheels, folders and git repositories can be taken",
            "unpack it and name the folder, or build a wheel of it (`pip wheel`) and name that",
        )
    if not place.startswith("git+") and "://" in place and not is_file_url(place):
        if not path.endswith(".whl") or not path.startswith(("https://", "http://")):
            raise PipLineError(f"`{_public(place)}` is no wheel's address", _ON_INDEX)
    elif is_file_url(place) and local_path(place) is None:
        raise PipLineError(f"`{_public(place)}` is no path", _ON_INDEX)
    return place


def _sha256(text: str) -> str:
    algorithm, _, digest = text.partition(":")
    if algorithm != "sha256" or not is_sha256(digest):
        raise PipLineError(
            f"`--hash {_public(text)}` is no SHA-256", "write `--hash=sha256:` and 64 lower-case hex digits"
        )
    return digest
