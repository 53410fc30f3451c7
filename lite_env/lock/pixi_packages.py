"""One package of a ``pixi.lock``: a file of a channel, or a wheel; whatever is built of sources is refused.

What the address tells (name, version, build, subdir, channel) is left out in the file; where it stands there, too, it
has to be the same. Also left out is what rattler derives of the build: its number, the kind of a ``noarch`` package.
"""

from __future__ import annotations

import os.path
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from packaging.utils import canonicalize_name
from packaging.version import Version

from lite_env.lock.model import LockedPackage, WheelSource
from lite_env.lock.pylock import public_address
from lite_env.lock.urls import is_url, package_parts
from lite_env.lock.wheel import marker_environment, needed, split_wheel_name
from lite_env.spec.address import is_file_url
from lite_env.store.text import shown

if TYPE_CHECKING:
    from lite_env.lock.field import Field

KINDS = ("conda", "pypi", "conda_source")
"""What a package may be; the value of the key is where it lies."""
DIRECT = "direct+"
"""What pixi writes in front of a wheel's address that no index gave."""

_BUILD_NUMBER = re.compile(r"(?:.*[^0-9])?([0-9]{1,18})\Z", re.DOTALL)
_IN_SECONDS = 253_402_300_799  # a greater time is in milliseconds


def conda_package(item: Field, folder: Path) -> LockedPackage:
    """The package of a channel that an entry of ``packages`` is about.

    Raises:
        LockError: a field is wrong, or it is no package file.
    """
    place = item["conda_source" if item["conda_source"].exists else "conda"]
    _refuse_query(place)
    if not place.string().endswith((".conda", ".tar.bz2")):
        # Version 6 names sources by `conda` as well.
        place.fault("is no package file: what pixi builds of sources cannot be installed here")
    url = _url(place, folder)
    channel, subdir, file_name = place.split_package(url)
    parts = package_parts(file_name)
    if parts is None:
        place.fault("is no package file of a channel: it does not end in NAME-VERSION-BUILD.conda or .tar.bz2")
    name, version, build = parts
    told = {"name": name, "version": version, "build": build, "subdir": subdir, "file_name": file_name}
    for key, value in told.items():
        if item[key].exists and item[key].string() != value:
            item[key].fault(f"is {shown(item[key].string())}, and the address is of {value}")
    number = item["build_number"].number()
    return LockedPackage(
        name=name,
        version=version,
        build=build,
        build_number=build_number(build) if number is None else number,
        subdir=subdir,
        file_name=file_name,
        url=url,
        channel=channel,
        sha256=_sha256(item),
        md5=item["md5"].md5(),
        size=item["size"].number(),
        depends=tuple(sorted(item["depends"].match_specs())),
        constrains=tuple(sorted(item["constrains"].match_specs())),
        license=item["license"].text() if item["license"].exists else None,
        noarch=_noarch(item["noarch"], subdir, build),
        timestamp=milliseconds(item["timestamp"].number()),
    )


def wheel_package(item: Field, folder: Path, *, python: str) -> LockedPackage:
    """The wheel that an entry of ``packages`` is about; `python` is the version that markers see.

    Raises:
        LockError: a field is wrong, or it is no wheel.
    """
    place = item["pypi"]
    if item["editable"].value:
        item["editable"].fault("is true: a project that is worked at cannot be installed here, only a wheel of it")
    url = _wheel_url(place, folder)
    file_name = unquote(url.rpartition("/")[2])
    parts = split_wheel_name(file_name)
    if parts is None or "/" in file_name:
        place.fault("is no wheel: only wheels can be installed, neither sources nor folders nor repositories")
    if canonicalize_name(item["name"].string()) != parts.project:
        item["name"].fault(f"is {shown(item['name'].string())}, and the wheel is {parts.project}")
    if item["version"].exists and _normal(item["version"]) != parts.version:
        item["version"].fault(f"is {shown(item['version'].string())}, and the wheel is {parts.version}")
    return parts.package(
        file_name=file_name,
        url=url,
        sha256=_sha256(item),
        depends=needed(item["requires_dist"].strings(), marker_environment(python or "3")),
        source=WheelSource(kind="file" if is_file_url(url) else "index"),
    )


def build_number(build: str) -> int:
    """The build number where none is written: the digits that end the build string."""
    found = _BUILD_NUMBER.match(build)
    return int(found[1]) if found else 0


def noarch_of(subdir: str, build: str) -> str | None:
    """The kind of package where none is written, as rattler takes it."""
    if subdir != "noarch":
        return None
    return "python" if "py" in build else "generic"


def milliseconds(time: int | None) -> int | None:
    """A build time, which old packages have in seconds, in milliseconds."""
    return time * 1000 if time is not None and time <= _IN_SECONDS else time


def _url(field: Field, folder: Path) -> str:
    """Where a package lies: a URL, or a path as it is, from the lock's folder on."""
    text = field.string()
    if is_url(text):
        return field.package_url(folder)
    if not text.isprintable():
        field.fault("has a character that cannot be printed")
    return Path(os.path.normpath(folder / text)).as_uri()


def _refuse_query(field: Field) -> None:
    text = field.string()
    # A path has them as any other letter.
    if is_url(text) and ("?" in text or "#" in text):
        field.fault("is no package's address: it has a `?` or a `#`")


def _wheel_url(field: Field, folder: Path) -> str:
    text = field.string().removeprefix(DIRECT)
    if not is_url(text):
        return _url(field, folder)
    if text.startswith("git+"):
        field.fault("is a repository: only wheels can be installed")
    try:
        return public_address(text)
    except ValueError as error:
        field.fault(f"is no wheel's address: {error}")


def _sha256(item: Field) -> str:
    if not item["sha256"].exists:
        what = "an MD5 alone does not vouch for a file" if item["md5"].exists else "nothing vouches for the file"
        item["sha256"].fault(f"is missing: {what}")
    return item["sha256"].sha256()


def _noarch(field: Field, subdir: str, build: str) -> str | None:
    if not field.exists:
        return noarch_of(subdir, build)
    if isinstance(field.value, bool):
        return "generic" if field.value else None
    return field.noarch()


def _normal(field: Field) -> str:
    try:
        return str(Version(field.string()))
    except ValueError:
        # Also a number of 5,000 digits.
        field.fault("is no version")
