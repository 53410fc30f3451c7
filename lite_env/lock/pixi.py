"""``pixi.lock``, versions 6 and 7: the writer; the reader is :mod:`lite_env.lock.pixi_reader`.

Keys, their order and what is left out are rattler's (``rattler_lock``), so that its own writer would change no byte.
The format has no place for what was asked for, for variables, and for wheels that are built here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import yaml

from lite_env.errors import LockError
from lite_env.lock.conda_lock import YamlDumper
from lite_env.lock.model import PLATFORM
from lite_env.lock.pixi_packages import build_number, noarch_of
from lite_env.lock.pixi_reader import DEFAULT
from lite_env.spec.address import local_path, public_url
from lite_env.spec.matchspec import split_name

if TYPE_CHECKING:
    from lite_env.lock.model import LockedPackage, Lockfile

Version = Literal[6, 7]


def dump_pixi(lock: Lockfile, *, version: Version = 7) -> str:
    """The text of a lock of pixi with the one environment ``default``; packages of local channels by absolute paths.

    Raises:
        LockError: a wheel is built here, for which the format has no place.
    """
    conda = sorted((_dump_conda(package) for package in lock.conda), key=lambda entry: str(entry["conda"]))
    pypi = sorted((_dump_wheel(wheel) for wheel in lock.wheels), key=lambda entry: str(entry["pypi"]))
    selected = [{"conda": entry["conda"]} for entry in conda] + [{"pypi": entry["pypi"]} for entry in pypi]
    document = {
        "version": version,
        **({"platforms": [{"name": PLATFORM}]} if version > 6 else {}),  # noqa: PLR2004 - it came with 7
        "environments": {
            DEFAULT: {
                "channels": [{"url": f"{public_url(channel)}/"} for channel in lock.channels],
                "packages": {PLATFORM: selected},
            }
        },
        "packages": [*conda, *pypi],
    }
    return yaml.dump(document, Dumper=YamlDumper, sort_keys=False, allow_unicode=True, width=10**6)


def _dump_conda(package: LockedPackage) -> dict[str, Any]:
    path = local_path(package.url)
    entry = {
        "conda": public_url(package.url) if path is None else str(path),
        "build_number": None if package.build_number == build_number(package.build) else package.build_number,
        # Of a path rattler derives neither the subdir nor the channel.
        "subdir": None if path is None else package.subdir,
        "noarch": _noarch(package),
        "sha256": package.sha256,
        "md5": package.md5,
        "depends": list(package.depends) or None,
        "constrains": list(package.constrains) or None,
        "channel": None if path is None else public_url(package.channel),
        "license": package.license,
        "size": package.size,
        "timestamp": package.timestamp,
    }
    return {key: value for key, value in entry.items() if value is not None}


def _noarch(package: LockedPackage) -> str | None:
    # Other tools' locks do not tell it; then it is what rattler derives.
    derived = noarch_of(package.subdir, package.build)
    return package.noarch if package.noarch != derived else None


def _dump_wheel(wheel: LockedPackage) -> dict[str, Any]:
    kind = wheel.wheel.kind if wheel.wheel is not None else "index"
    if kind in ("project", "git"):
        raise LockError(
            f"the wheel {wheel.name} is built here, of a project or a repository, for which pixi.lock has no place",
            hint="name a wheel in the pip section in place of the project",
        )
    path = local_path(wheel.url)
    entry = {
        "pypi": wheel.url if path is None else str(path),
        "name": wheel.name,
        "version": wheel.version,
        "sha256": wheel.sha256,
        "requires_dist": ["".join(split_name(spec)) for spec in wheel.depends] or None,
    }
    return {key: value for key, value in entry.items() if value is not None}
