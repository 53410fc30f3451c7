"""Wheels in an environment, read from their ``dist-info`` into the same value as conda packages.

Recording installed projects: https://packaging.python.org/en/latest/specifications/recording-installed-packages/. Conda
packages of Python projects bring a ``dist-info`` too: those are the conda packages'.
"""

from __future__ import annotations

import base64
import binascii
import csv
import io
import posixpath
import re
from dataclasses import dataclass, replace
from email.parser import HeaderParser
from typing import TYPE_CHECKING, Any

from lite_env.errors import PrefixError
from lite_env.lock.wheel import license_of, split_wheel_name
from lite_env.prefix.model import InstalledPackage
from lite_env.store.digest import sha256_of_bytes
from lite_env.store.text import Origin, decode_text, parse_json, read_bounded

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from email.message import Message
    from pathlib import Path

    from lite_env.prefix.model import PrefixFile
    from lite_env.prefix.record import WheelFileRecord

_RECORD = re.compile(r"(?P<site>(?:.+/)?site-packages)/(?P<info>[A-Za-z0-9][^/]*\.dist-info)/RECORD\Z")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\Z")
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]*\Z")
_REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*\(?(?P<versions>[^;()@]*)\)?\s*(?:;(?P<marker>.*))?\Z"
)
# Written by whoever installs, or different on each machine: they say nothing about what the wheel was.
_OF_THE_INSTALLER = ("INSTALLER", "REQUESTED", "RECORD", "direct_url.json", "uv_cache.json")


@dataclass(frozen=True, kw_only=True, slots=True)
class InstalledWheel:
    """A wheel that somebody installed.

    Attributes:
        package: what it is.
        requested: whether it was asked for by name, and is not somebody's dependency alone.
        origin: where the source of an editable installation lies, on this machine; None for one that is all here.
    """

    package: InstalledPackage
    requested: bool
    origin: str | None


def read_wheels(
    root: Path,
    files: Iterable[PrefixFile],
    of_conda: Collection[str],
    recorded: Mapping[str, WheelFileRecord] | None = None,
) -> tuple[InstalledWheel, ...]:
    """The wheels of a prefix, sorted by name.

    Args:
        root: the prefix.
        files: what lies in it.
        of_conda: paths that conda packages claim.
        recorded: the files that they were installed from, by project, as far as that is known.

    Raises:
        PrefixError: a record is not readable, or two are of one project.
    """
    present = {file.path for file in files if file.link is None}
    wheels: dict[str, InstalledWheel] = {}
    for path in sorted(present - set(of_conda)):
        match = _RECORD.match(path)
        if match is None:
            continue
        wheel = _read(root, match["site"], match["info"], present)
        if wheel is not None and wheel.package.name in wheels:
            raise PrefixError(
                f"two records describe the wheel '{wheel.package.name}'",
                hint="an interrupted update left one behind: uninstall it and install it again",
                file=str(root / path),
            )
        if wheel is not None:
            wheels[wheel.package.name] = _with_file(wheel, recorded or {})
    return tuple(wheels[name] for name in sorted(wheels))


def _with_file(wheel: InstalledWheel, recorded: Mapping[str, WheelFileRecord]) -> InstalledWheel:
    """`wheel` with the identity of the file that it was installed from, when that is known and of this version."""
    file = recorded.get(wheel.package.name)
    parts = split_wheel_name(file.file_name) if file is not None else None
    if file is None or parts is None or (parts.project, parts.version) != _project_of(wheel.package):
        return wheel
    package = replace(wheel.package, file_name=file.file_name, sha256=file.sha256, build=parts.tag)
    return replace(wheel, package=package)


def _project_of(package: InstalledPackage) -> tuple[str, str] | None:
    parts = split_wheel_name(f"{package.name.replace('-', '_')}-{package.version.replace('-', '_')}-py3-none-any.whl")
    return (parts.project, parts.version) if parts is not None else None


def canonical_name(name: str) -> str:
    """The name of a project as it is compared: lower case, one dash for each run of dots, dashes, underscores."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _read(root: Path, site: str, info: str, present: Collection[str]) -> InstalledWheel | None:
    folder = f"{site}/{info}"
    if f"{folder}/METADATA" not in present:
        return None
    metadata = _headers(root / folder / "METADATA")
    name, version = str(metadata.get("Name", "")).strip(), str(metadata.get("Version", "")).strip()
    if not _NAME.match(name) or not _PLAIN.match(version):
        raise PrefixError(
            f"'{folder}/METADATA' names no project and version",
            hint="uninstall what it belongs to, and install it again",
            file=str(root / folder / "METADATA"),
        )
    digests, listed = _record(root, site, folder)
    tag = _tag(root / folder / "WHEEL") if f"{folder}/WHEEL" in present else "py3-none-any"
    direct = _direct_url(root / folder / "direct_url.json") if f"{folder}/direct_url.json" in present else {}
    dir_info = direct.get("dir_info")
    editable = isinstance(dir_info, dict) and dir_info.get("editable") is True
    package = InstalledPackage(
        name=canonical_name(name),
        version=version,
        build=tag,
        build_number=0,
        subdir="noarch",
        file_name=f"{re.sub(r'[-_.]+', '_', name)}-{version}-{tag}.whl",
        sha256=_sha256_of_record(digests, site, folder),
        license=license_of(metadata),
        depends=tuple(sorted({spec for text in metadata.get_all("Requires-Dist", []) for spec in _needed(str(text))})),
        files=tuple(sorted(path for path in listed if path in present)),
        manager="wheel",
        digests=digests,
    )
    return InstalledWheel(
        package=package,
        requested=f"{folder}/REQUESTED" in present,
        origin=str(direct.get("url", "another folder")) if editable else None,
    )


def _headers(file: Path) -> Message:
    origin = _origin(file)
    return HeaderParser().parsestr(decode_text(read_bounded(file, origin), origin))


def _tag(file: Path) -> str:
    """The compatibility tag of the wheel's name: ``py2.py3-none-any``."""
    tags = [tag for tag in map(str, _headers(file).get_all("Tag", [])) if _PLAIN.match(tag) and tag.count("-") == 2]  # noqa: PLR2004
    if not tags:
        return "py3-none-any"
    parts = zip(*(tag.split("-") for tag in tags), strict=True)
    return "-".join(".".join(sorted(set(part))) for part in parts)


def _record(root: Path, site: str, folder: str) -> tuple[dict[str, str], list[str]]:
    """The files of a wheel and their digests, by prefix-relative path; what lies elsewhere is not the prefix's."""
    file = root / folder / "RECORD"
    origin = _origin(file)
    digests, listed = {}, []
    try:
        rows = list(csv.reader(io.StringIO(decode_text(read_bounded(file, origin), origin))))
    except csv.Error as error:
        raise origin.fault(f"is not a table: {error}") from error
    for row in rows:
        if not row or row[0].startswith("/") or "\\" in row[0]:
            continue
        path = posixpath.normpath(f"{site}/{row[0]}")
        listed.append(path)
        digest = _hex(row[1]) if len(row) > 1 else None
        if digest is not None:
            digests[path] = digest
    return digests, listed


def _hex(text: str) -> str | None:
    algorithm, _, value = text.partition("=")
    try:
        digest = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)).hex()
    except (binascii.Error, ValueError):
        return None
    return digest if algorithm == "sha256" and len(digest) == 64 else None  # noqa: PLR2004 - digits of a SHA-256


def _sha256_of_record(digests: Mapping[str, str], site: str, folder: str) -> str:
    """An identity of a wheel whose file nobody recorded: over its files, without what installers add or rewrite."""
    made = {f"{folder}/{name}" for name in _OF_THE_INSTALLER}
    lines = [
        f"{path.removeprefix(f'{site}/')}\0{digest}\n"
        for path, digest in sorted(digests.items())
        if path.startswith(f"{site}/") and path not in made and not path.endswith(".pyc")
    ]
    return sha256_of_bytes("".join(lines).encode())


def _direct_url(file: Path) -> Mapping[str, Any]:
    origin = _origin(file)
    value = parse_json(read_bounded(file, origin), origin)
    return value if isinstance(value, dict) else {}


def _needed(requirement: str) -> Iterable[str]:
    """A requirement as a match spec; nothing for one that holds for an extra alone."""
    match = _REQUIREMENT.match(requirement.strip())
    if match is None or "extra" in (match["marker"] or ""):
        return ()
    versions = re.sub(r"\s", "", match["versions"])
    name = canonical_name(match["name"])
    return (f"{name} {versions}" if versions else name,)


def _origin(file: Path) -> Origin:
    return Origin(
        what=f"'{file.parent.name}/{file.name}'",
        error=PrefixError,
        file=str(file),
        hint="uninstall what it belongs to, and install it again",
    )
