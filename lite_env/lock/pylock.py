"""Reads what uv resolved: a ``pylock.toml`` (https://packaging.python.org/en/latest/specifications/pylock-toml/).

It comes from a program of ours, and its contents from an index: so it is read as a stranger's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

import msgspec

from lite_env.errors import LockError
from lite_env.lock.field import MAX_NUMBER
from lite_env.spec.address import is_file_url, local_path
from lite_env.store.digest import is_sha256
from lite_env.store.text import Origin, convert, parse_toml, split_url

if TYPE_CHECKING:
    from pathlib import Path

_ORIGIN = Origin(what="the answer of uv", error=LockError, hint="report it, with the environment file")


class _File(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a package; what else stands there is not looked at."""

    url: str | None = None
    path: str | None = None
    name: str | None = None
    size: int | None = None
    hashes: dict[str, str] = {}


class _Package(msgspec.Struct, frozen=True, kw_only=True):
    """A package of the lock."""

    name: str
    version: str | None = None
    wheels: tuple[_File, ...] = ()
    archive: _File | None = None


class _Lock(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """What of the whole is read."""

    lock_version: str
    packages: tuple[_Package, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolvedFile:
    """A wheel that would do.

    Attributes:
        file_name: of the wheel.
        url: without user, query and fragment; ``file://`` for what lies here.
        sha256: as the index gives it; None where it gives none.
        size: in bytes.
    """

    file_name: str
    url: str
    sha256: str | None
    size: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolvedPackage:
    """A project, and the wheels of it, the best first."""

    name: str
    version: str | None
    files: tuple[ResolvedFile, ...]


def parse_pylock(text: str, folder: Path) -> tuple[ResolvedPackage, ...]:
    """The packages of a ``pylock.toml`` that lies in `folder`.

    Raises:
        LockError: it is none of a version that is known, or a field is wrong.
    """
    lock = convert(parse_toml(text, _ORIGIN), _Lock, _ORIGIN)
    if not lock.lock_version.startswith("1."):
        raise _ORIGIN.fault(f"is of version {lock.lock_version}, and only 1 is known")
    return tuple(
        ResolvedPackage(
            name=package.name,
            version=package.version,
            files=tuple(_file(each, folder) for each in (*package.wheels, *filter(None, (package.archive,)))),
        )
        for package in lock.packages
    )


def public_address(url: str) -> str:
    """An address as it may be written down: without user, password, query and fragment.

    Raises:
        ValueError: it is none.
    """
    if is_file_url(url):
        return url.partition("#")[0].partition("?")[0]
    parts = split_url(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        msg = "it is not one of http or https"
        raise ValueError(msg)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _file(file: _File, folder: Path) -> ResolvedFile:
    try:
        url = public_address(file.url) if file.url else (folder / (file.path or "")).as_uri()
    except ValueError as error:
        raise _ORIGIN.fault(f"has an address that cannot be used: {error}") from error
    path = local_path(url)
    sha256 = file.hashes.get("sha256")
    return ResolvedFile(
        file_name=path.name if path is not None else unquote(url.rpartition("/")[2]),
        url=url,
        sha256=sha256 if sha256 and is_sha256(sha256) else None,
        size=file.size if file.size is not None and 0 <= file.size < MAX_NUMBER else None,
    )
