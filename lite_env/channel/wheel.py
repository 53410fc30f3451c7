"""Wheels as conda packages: where their files belong, and whether they are what the definition says of them."""

from __future__ import annotations

import io
import re
import zipfile
from email.parser import HeaderParser
from typing import TYPE_CHECKING, NoReturn

from packaging.utils import canonicalize_name

from lite_env.channel.member import ArchivedFile, read_archive
from lite_env.errors import ChannelError
from lite_env.lock.wheel import marker_environment, needed, split_wheel_name
from lite_env.lock.wheel_target import ABI_PACKAGE, WheelTarget, platform_of
from lite_env.spec.matchspec import name_of
from lite_env.store.text import Origin, decode_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message

    from lite_env.channel.model import PackageDefinition

_METADATA = re.compile(r"[^/]+\.dist-info/METADATA\Z")
_DATA = re.compile(r"[^/]+\.data/(?P<part>[a-z]+)/(?P<path>.+)\Z")
# Commands and headers: there are no processes and no compilers in a browser.
_LEFT_OUT = frozenset({"scripts", "headers"})
_SITE = frozenset({"purelib", "platlib"})


def read_wheel(package: PackageDefinition, data: bytes, *, python: str) -> Iterator[ArchivedFile]:
    """The files of the package's wheel, where an installer puts them; none is executable.

    Args:
        package: has a wheel.
        data: the wheel's content.
        python: version of the Python that it is installed for.

    Raises:
        ChannelError: it is broken, of another project, for another Python or platform, or requires what the package
            does not depend on.
    """
    if package.wheel is None:
        return
    _check_tags(package, package.wheel.file_name, python)
    _check_metadata(package, _metadata(package, data), python)
    site = "site-packages" if package.noarch else f"lib/python{_short(python)}/site-packages"
    for file in read_archive(data, name=str(package.wheel.member)):
        path = _placed(file.path, site)
        if path is not None:
            yield ArchivedFile(path=path, data=file.data, executable=False)


def _placed(path: str, site: str) -> str | None:
    """https://packaging.python.org/en/latest/specifications/binary-distribution-format/#the-data-directory."""
    if "__pycache__" in path.split("/"):
        return None
    match = _DATA.match(path)
    if match is None or match["part"] in _SITE:
        return f"{site}/{match['path'] if match else path}"
    return None if match["part"] in _LEFT_OUT else match["path"]


def _short(python: str) -> str:
    return ".".join(python.split(".")[:2])


def _check_tags(package: PackageDefinition, file_name: str, python: str) -> None:
    """A pure wheel is noarch; another one is for this Python, and for the platform that the package's ABI names."""
    name = split_wheel_name(file_name)
    if name is None or name.pure != (package.noarch == "python"):
        _fail(package, "is noarch exactly when its wheel runs everywhere", file_name, "a wheel and a subdir that fit")
    if name.pure:
        return
    target = WheelTarget(python=python, platform=_platform(package))
    if not target.takes(name):
        _fail(package, "has a wheel that does not load into it", name.tag, target.tag)


def _platform(package: PackageDefinition) -> str | None:
    for spec in package.depends:
        if name_of(spec) == ABI_PACKAGE and len(spec.split(" ")) == 3:  # noqa: PLR2004 - name, version, build
            return platform_of(spec.split(" ")[2])
    return _fail(package, "has compiled code, and no ABI", None, f"{ABI_PACKAGE} VERSION BUILD among its `depends`")


def _metadata(package: PackageDefinition, data: bytes) -> Message:
    member = package.wheel.member if package.wheel else None
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            found = [name for name in archive.namelist() if _METADATA.match(name)]
            text = archive.read(found[0]) if len(found) == 1 else None
    except zipfile.BadZipFile as error:
        raise ChannelError(f"the wheel {member} is broken: {error}", line=package.line) from error
    if text is None:
        raise ChannelError(f"the wheel {member} has {len(found)} METADATA, and not one", line=package.line)
    return HeaderParser().parsestr(decode_text(text, Origin(what=f"the METADATA of {member}", error=ChannelError)))


def _check_metadata(package: PackageDefinition, metadata: Message, python: str) -> None:
    project, version = str(metadata.get("Name", "")).strip(), str(metadata.get("Version", "")).strip()
    if (canonicalize_name(project), version) != (canonicalize_name(package.name), package.version):
        _fail(
            package, "is made of a wheel of something else", f"{project} {version}", f"{package.name} {package.version}"
        )
    requires = tuple(str(text) for text in metadata.get_all("Requires-Dist", []))
    depends = {canonicalize_name(name_of(spec) or "") for spec in package.depends}
    for spec in needed(requires, marker_environment(python)):
        if canonicalize_name(name_of(spec) or "") not in depends:
            _fail(package, "lacks a dependency that its wheel requires", None, spec)


def _fail(package: PackageDefinition, what: str, found: str | None, expected: str | None) -> NoReturn:
    raise ChannelError(f"{package.file_name} {what}", line=package.line, found=found, expected=expected)
