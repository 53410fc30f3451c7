"""Wheels that are compiled for the environment's own binary interface, as uv can take them.

uv knows two such platforms, and not those of later Pythons. So it is asked twice: first for all platforms at once,
where its answer lists every wheel that an index has; and then for the browser, with a stand-in for each wheel that
fits: one of the same version and requirements, for every platform and with nothing in it. What it takes of these is
the wheel.
"""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

from lite_env.lock.stubs import write_wheel
from lite_env.lock.wheel import read_wheel, split_wheel_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from lite_env.lock.pylock import ResolvedFile, ResolvedPackage
    from lite_env.lock.wheel_target import WheelTarget

Natives = dict[tuple[str, str], "ResolvedFile"]
"""Compiled wheels by project and version."""


def fitting(packages: Iterable[ResolvedPackage], target: WheelTarget) -> Natives:
    """Of what an index has the wheels that are compiled for `target`; those for its very Python go first."""
    found: Natives = {}
    for package in packages:
        for file in package.files:
            name = split_wheel_name(file.file_name)
            if name is None or name.pure or not target.takes(name) or package.version is None:
                continue
            if name.tag == target.tag or (package.name, package.version) not in found:
                found[package.name, package.version] = file
    return found


def write_stand_in(wheel: Path, folder: Path, *, of: str) -> Path:
    """Put the stand-in of a wheel into `folder`.

    Raises:
        PrefixError: it is broken or hostile.
    """
    name = read_wheel(wheel, of=of).name
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (
            path for path in archive.namelist() if path.endswith(".dist-info/METADATA") and path.count("/") == 1
        )
        return write_wheel(name.project, name.version, archive.read(metadata), folder)
