"""``@EXPLICIT`` lists of packages (CEP 23): addresses with a hash or without, a line each; read and written.

What the packages are and need does not stand there: :mod:`lite_env.lock.explicit_fetch` takes it out of them. Two
deviations from the CEP: variables are not replaced, since the list of a stranger could send them to its server, and a
query is no part of an address.
"""

from __future__ import annotations

import os.path
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from lite_env.errors import LockError
from lite_env.lock.model import PLATFORM
from lite_env.lock.urls import is_url, package_parts, split_package_url
from lite_env.spec.address import Channel, local_path, public_url
from lite_env.spec.matchspec import name_of
from lite_env.store.text import shown, split_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lite_env.lock.model import LockedPackage, Lockfile

MARK = "@EXPLICIT"
"""The line that makes a text file such a list."""

_HINT = "a line is the address of a package file, and behind it `#` and its SHA-256 or MD5"
_PLATFORM = re.compile(r"#\s*platform:\s*(\S+)\s*\Z")
_HASH = re.compile(r"(?:(?P<md5>[0-9a-f]{32})|(?:sha256:)?(?P<sha256>[0-9a-f]{64}))\Z")
_VARIABLE = re.compile(r"\$\{?\w|%\w+%")
_VARIABLE_OF_URL = re.compile(r"\$\{?\w|%(?![0-9A-Fa-f]{2})\w+%")  # `%C3%A4` is a letter
_MOST_PACKAGES = 100_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """One package of a list.

    Attributes:
        name, version, build, subdir, file_name: as the address has them.
        url: without credentials.
        channel: perhaps with credentials, which are for the request alone.
        sha256, md5: None where the line has none.
        line: where it stands, from 1 on.
    """

    name: str
    version: str
    build: str
    subdir: str
    file_name: str
    url: str
    channel: Channel
    sha256: str | None
    md5: str | None
    line: int


def is_explicit(text: str) -> bool:
    """Whether a text has the line that makes it such a list."""
    return MARK in text and any(line.strip() == MARK for line in text.splitlines())


def parse_explicit(text: str, path: Path) -> tuple[Listed, ...]:
    """The packages that `text` lists, sorted by name; `path` is where it stands.

    Raises:
        LockError: a line is wrong, is for another platform, or names a package for the second time; with the line.
    """
    found: dict[str, Listed] = {}
    # Not what Python takes for the end of a line besides.
    for number, raw in enumerate(re.split(r"\r\n|\n|\r", text), start=1):
        line = raw.strip()
        if line.startswith("#"):
            platform = _PLATFORM.match(line)
            if platform and platform[1] not in (PLATFORM, "noarch"):
                _refuse(f"is for {shown(platform[1])}, not for {PLATFORM}", path, number)
        elif line and line != MARK:
            listed = _parse_line(line, path, number)
            if listed.name in found:
                _refuse(f"names {listed.name}, as line {found[listed.name].line} does", path, number)
            found[listed.name] = listed
        if len(found) > _MOST_PACKAGES:
            _refuse(f"is beyond {_MOST_PACKAGES:,} packages", path, number)
    return tuple(found[name] for name in sorted(found))


def dump_explicit(lock: Lockfile) -> str:
    """The text of a list of all packages with their SHA-256, each behind what it needs; local ones as ``file://``.

    Raises:
        LockError: there are wheels, for which the format has no place.
    """
    if lock.wheels:
        raise LockError(
            f"{MARK} has no place for wheels, and there are some: {', '.join(wheel.name for wheel in lock.wheels)}",
            hint="export a format that has one (`--format pixi`, `--format conda-lock`)",
        )
    lines = [f"{public_url(package.url)}#{package.sha256}\n" for package in _behind_needs(lock)]
    head = "# This file may be used to create an environment using:\n# $ conda create --name <env> --file <this file>\n"
    return f"{head}# platform: {PLATFORM}\n{MARK}\n{''.join(lines)}"


def _behind_needs(lock: Lockfile) -> list[LockedPackage]:
    """The packages, each behind what it needs, else by name; in a circle the first by name comes last."""
    packages = {package.name: package for package in lock.conda}
    ordered: dict[str, LockedPackage] = {}
    begun: set[str] = set()
    waiting = sorted(packages, reverse=True)
    while waiting:
        name = waiting.pop()
        if name in begun or name not in packages:
            if name in packages and name not in ordered:
                ordered[name] = packages[name]
            continue
        begun.add(name)
        needs = {name_of(spec) or "" for spec in packages[name].depends} - begun
        waiting += [name, *sorted(needs, reverse=True)]
    return list(ordered.values())


def _parse_line(line: str, path: Path, number: int) -> Listed:
    place, mark, fragment = line.partition("#")
    found = _HASH.match(fragment)
    if mark and found is None:
        _refuse("has a `#`, and behind it neither an MD5 nor a SHA-256 in lower-case hex", path, number)
    hashes: Mapping[str, str | None] = found.groupdict() if found else {}
    text = place.rstrip()
    if not text.endswith((".conda", ".tar.bz2")):
        _refuse("is no address of a package: it does not end in .conda or .tar.bz2", path, number)
    try:
        url = _address(text)
        _, subdir, file_name = split_package_url(url)
    except ValueError as error:
        _refuse(f"is no address of a package: {error}", path, number)
    parts = package_parts(file_name)
    if parts is None:
        _refuse("is no address of a package: the file is not named NAME-VERSION-BUILD.conda or .tar.bz2", path, number)
    if subdir not in (PLATFORM, "noarch"):
        _refuse(f"has a package for {shown(subdir)}, not for {PLATFORM} or noarch", path, number)
    return Listed(
        name=parts[0],
        version=parts[1],
        build=parts[2],
        subdir=subdir,
        file_name=file_name,
        url=url,
        channel=_channel(text, url),
        sha256=hashes.get("sha256"),
        md5=hashes.get("md5"),
        line=number,
    )


def _address(text: str) -> str:
    """The URL of a package; a path is taken from the working directory on, as the CEP says.

    Raises:
        ValueError: it is none; nothing of it is repeated.
    """
    if not text.isprintable():
        msg = "it has a character that cannot be printed"
        raise ValueError(msg)
    if (_VARIABLE_OF_URL if is_url(text) else _VARIABLE).search(text):
        msg = "it has a variable in it, which is not replaced: write its value"
        raise ValueError(msg)
    if not is_url(text):
        return Path(os.path.normpath(Path.cwd() / _at_home(text))).as_uri()
    if "?" in text:
        msg = "it has a query"
        raise ValueError(msg)
    if split_url(text).scheme == "file":
        path = local_path(text) or Path()
        if not path.is_absolute():
            msg = "it is a `file:` URL of a path that does not start at the root"
            raise ValueError(msg)
        return Path(os.path.normpath(path)).as_uri()
    return public_url(text)


def _at_home(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        msg = "it starts with `~` and the name of a user whose folder is not known here"
        raise ValueError(msg) from error


def _channel(text: str, url: str) -> Channel:
    """The channel of a package at `url`, with what credentials the address has in the list."""
    path = local_path(url)
    return Channel.parse(text.rsplit("/", 2)[0]) if path is None else Channel.folder(path.parent.parent)


def _refuse(what: str, path: Path, line: int) -> NoReturn:
    raise LockError(f"the lock file is not valid: line {line} {what}", hint=_HINT, file=str(path), line=line)
