"""A wheel as a lock has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_env.lock.pip_explain import native_refusal
from lite_env.lock.wheel import marker_environment, needed, read_wheel
from lite_env.store.digest import sha256_of_file

if TYPE_CHECKING:
    from pathlib import Path

    from lite_env.lock.model import LockedPackage, WheelSource
    from lite_env.lock.wheel_target import WheelTarget


def locked_wheel(path: Path, url: str, source: WheelSource, target: WheelTarget) -> LockedPackage:
    """A wheel in the cache as a lock has it.

    Raises:
        PrefixError: it is broken or hostile.
        SolveError: it is native, and not for `target`.
    """
    wheel = read_wheel(path, of=url)
    if not target.takes(wheel.name):
        raise native_refusal(wheel.name.project, wheel.name.version, path.name, target.tag)
    return wheel.name.package(
        file_name=path.name,
        url=url,
        sha256=sha256_of_file(path),
        size=path.stat().st_size,
        depends=needed(wheel.requires, marker_environment(target.python)),
        license_=wheel.license,
        source=source,
    )
