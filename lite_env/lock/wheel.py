"""One wheel's file: what it says of itself, and whether an installer may open it.

The format: https://packaging.python.org/en/latest/specifications/binary-distribution-format/.
"""

from __future__ import annotations

import stat
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from email.parser import HeaderParser
from typing import TYPE_CHECKING

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from lite_env.errors import PrefixError
from lite_env.lock.model import LockedPackage
from lite_env.lock.safety import is_below, path_beyond_bounds
from lite_env.spec.matchspec import beyond_bounds
from lite_env.store.text import Origin, decode_text, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from email.message import Message
    from pathlib import Path

    from lite_env.lock.model import WheelSource

_MAX_FILES = 200_000
_MAX_SIZE = 8 << 30  # bytes of all files together
_MAX_TEXT = 16 << 20  # bytes of one of its own records
_LONGEST_LICENSE = 100  # characters: some put the whole text there


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelName:
    """What the name of a wheel's file says.

    Attributes:
        project: normalized.
        version: as a text, normalized.
        tag: ``py3-none-any``.
        pure: whether it runs wherever there is a Python: every platform, no binary interface.
    """

    project: str
    version: str
    tag: str
    pure: bool

    def package(
        self,
        *,
        file_name: str,
        url: str,
        sha256: str,
        depends: tuple[str, ...],
        source: WheelSource,
        size: int | None = None,
        license_: str | None = None,
    ) -> LockedPackage:
        """A wheel of this name as a lock has it: see `LockedPackage`."""
        return LockedPackage(
            name=self.project,
            version=self.version,
            build=self.tag,
            build_number=0,
            subdir="noarch",
            file_name=file_name,
            url=url,
            channel="",
            sha256=sha256,
            size=size,
            depends=depends,
            license=license_,
            manager="wheel",
            wheel=source,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Wheel:
    """What a wheel says of itself.

    Attributes:
        name: from its file's name.
        requires: ``Requires-Dist``, as written.
        license: the name of its licence, where it gives one.
        paths: its files, in their order.
    """

    name: WheelName
    requires: tuple[str, ...]
    license: str | None
    paths: tuple[str, ...]


def split_wheel_name(file_name: str) -> WheelName | None:
    """The parts of a wheel's file name; None for one that is none."""
    try:
        project, version, _, tags = parse_wheel_filename(file_name)
    except ValueError:
        # Also a number of 5,000 digits.
        return None
    return WheelName(
        project=str(project),
        version=str(version),
        tag="-".join(file_name.removesuffix(".whl").rsplit("-", 3)[1:]),
        pure=any(tag.abi == "none" and tag.platform == "any" for tag in tags),
    )


def read_wheel(path: Path, *, of: str) -> Wheel:
    """Look into a wheel; nothing of it is run or unpacked.

    Args:
        path: named as a wheel is.
        of: where it comes from, for messages.

    Raises:
        PrefixError: it is no wheel, or a file of it would be written outside of an environment.
    """
    name = split_wheel_name(path.name)
    if name is None:
        raise refused(path.name, "has not the name of a wheel", of)
    with opened(path, of=of) as archive:
        infos = archive.infolist()
        _check(infos, path.name, of)
        paths = tuple(info.filename for info in infos if not info.is_dir())
        folders = sorted({each.partition("/")[0] for each in paths if each.partition("/")[0].endswith(".dist-info")})
        if len(folders) != 1:
            raise refused(path.name, f"has {len(folders)} folders `.dist-info`, and not one", of)
        metadata = _headers(archive, f"{folders[0]}/METADATA", of)
    version = str(metadata.get("Version", "")).strip()
    if canonicalize_name(str(metadata.get("Name", "")).strip()) != name.project or not _same(version, name.version):
        raise refused(path.name, f"is of {shown(str(metadata.get('Name')))} {shown(version)} in its METADATA", of)
    return Wheel(
        name=name,
        requires=tuple(str(text) for text in metadata.get_all("Requires-Dist", [])),
        license=license_of(metadata),
        paths=paths,
    )


@contextmanager
def opened(path: Path, *, of: str) -> Iterator[zipfile.ZipFile]:
    """The archive of a wheel; whatever its reader does not survive is an error of ours.

    Raises:
        PrefixError: it cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, KeyError, RuntimeError) as error:
        raise refused(path.name, f"cannot be read: {error}", of) from error


def refused(file_name: str, what: str, of: str) -> PrefixError:
    """The error for a wheel that is not to be used; `what` goes on after its name."""
    return PrefixError(
        f"the wheel {shown(file_name)} {what}", hint="do not use this wheel: it is broken or hostile", file=of
    )


def license_of(metadata: Message) -> str | None:
    """The name of the licence in a project's metadata; None where there is none, or a whole text."""
    for header in ("License-Expression", "License"):
        text = str(metadata.get(header, "")).strip()
        if text and text != "UNKNOWN" and "\n" not in text and len(text) <= _LONGEST_LICENSE:
            return text
    classifiers = [str(text) for text in metadata.get_all("Classifier", [])]
    named = [text.rpartition(" :: ")[2] for text in classifiers if text.startswith("License :: ")]
    return ", ".join(sorted(named)) or None


def marker_environment(python: str) -> dict[str, str]:
    """What markers see in the browser, for a Python such as ``3.11.3``; nothing of this machine."""
    known = {
        "implementation_name": "cpython",
        "implementation_version": python,
        "os_name": "posix",
        "platform_machine": "wasm32",
        "platform_python_implementation": "CPython",
        "platform_system": "Emscripten",
        "python_full_version": python,
        "python_version": ".".join(python.split(".")[:2]),
        "sys_platform": "emscripten",
    }
    return {name: known.get(name, "") for name in default_environment()} | {"extra": ""}


def needed(requires: tuple[str, ...], environment: Mapping[str, str]) -> tuple[str, ...]:
    """``Requires-Dist`` as match specs, sorted: what holds in `environment`, without what is of an extra alone."""
    specs = set()
    for text in requires:
        if beyond_bounds(text):
            continue
        try:
            found = Requirement(text)
            holds = found.marker is None or found.marker.evaluate(dict(environment))
        except (ValueError, RecursionError):
            continue
        if holds:
            specs.add(f"{canonicalize_name(found.name)} {found.specifier}".strip())
    return tuple(sorted(specs))


def _same(found: str, expected: str) -> bool:
    return split_wheel_name(f"x-{found.replace('-', '_')}-py3-none-any.whl") == split_wheel_name(
        f"x-{expected.replace('-', '_')}-py3-none-any.whl"
    )


def _check(infos: list[zipfile.ZipInfo], file_name: str, of: str) -> None:
    if len(infos) > _MAX_FILES or sum(info.file_size for info in infos) > _MAX_SIZE:
        raise refused(file_name, "is larger than any wheel is", of)
    seen: set[str] = set()
    for info in infos:
        name = info.filename
        if not is_below(name) or "\\" in name or not name.isprintable():
            raise refused(file_name, f"wants to write '{shown(name)}', which is not below the environment", of)
        if reason := path_beyond_bounds(name.rstrip("/")):
            raise refused(file_name, f"wants to write '{shown(name)}', {reason}", of)
        mode = info.external_attr >> 16
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR) or info.flag_bits & 1:
            raise refused(file_name, f"holds '{shown(name)}', which is no plain file", of)
        if not info.is_dir() and name in seen:
            raise refused(file_name, f"holds '{shown(name)}' twice", of)
        seen.add(name)


def _headers(archive: zipfile.ZipFile, path: str, of: str) -> Message:
    with archive.open(path) as stream:
        data = stream.read(_MAX_TEXT + 1)
    origin = Origin(what=f"'{path}'", error=PrefixError, file=of, max_bytes=_MAX_TEXT)
    return HeaderParser().parsestr(decode_text(data, origin))
