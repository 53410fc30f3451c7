"""Wheels into an environment, by pypa's ``installer``: every file where the wheel says, and written down in its RECORD.

https://packaging.python.org/en/latest/specifications/binary-distribution-format/#installing-a-wheel-distribution-1-0-py32-none-any-whl.
Before anything is written, every path is known to lie inside of the environment, and to be nobody else's.
"""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from installer import install
from installer.destinations import SchemeDictionaryDestination
from installer.exceptions import InstallerError
from installer.sources import WheelFile
from installer.utils import parse_entrypoints

from lite_env.errors import PrefixError
from lite_env.lock.safety import is_below, path_beyond_bounds
from lite_env.lock.wheel import opened, refused
from lite_env.progress import SILENT
from lite_env.store.text import shown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lite_env.lock.model import LockedPackage
    from lite_env.progress import Reporter

_ENTRY_POINTS = "entry_points.txt"


@dataclass(frozen=True, kw_only=True, slots=True)
class FetchedWheel:
    """A locked wheel and its file on this machine."""

    package: LockedPackage
    path: Path


def install_wheels(wheels: Sequence[FetchedWheel], prefix: Path, python: str, *, reporter: Reporter = SILENT) -> None:
    """Put `wheels` into the environment at `prefix`, which has its conda packages already.

    Args:
        wheels: checked by their SHA-256.
        prefix: the folder.
        python: version of its Python, ``3.11.3``.
        reporter: told of bytes.

    Raises:
        PrefixError: a wheel would write elsewhere, over another's file, or is not what its RECORD says.
    """
    scheme = _Scheme(python)
    taken: dict[str, str] = {}
    for wheel in wheels:
        for path in _placed(wheel, scheme):
            _claim(path, wheel, prefix, taken)
    total = sum(wheel.path.stat().st_size for wheel in wheels)
    with reporter.task(f"installing {len(wheels)} wheels", total, "B") as task:
        for wheel in wheels:
            _install(wheel, prefix, scheme)
            task.advance(wheel.path.stat().st_size)


class _Scheme:
    """Where the parts of a wheel belong in an environment of one Python."""

    def __init__(self, python: str) -> None:
        short = ".".join(python.split(".")[:2])
        self.interpreter = f"/bin/python{short}"
        self.site = f"lib/python{short}/site-packages"
        self._include = f"include/python{short}"

    def folders(self, project: str) -> dict[str, str]:
        """The folder of each of a wheel's schemes, relative to the environment."""
        return {
            "purelib": self.site,
            "platlib": self.site,
            "scripts": "bin",
            "headers": f"{self._include}/{project}",
            "data": "",
        }


def _placed(wheel: FetchedWheel, scheme: _Scheme) -> list[str]:
    """Where the files of a wheel come to lie, relative to the environment; those of its RECORD are checked."""
    of = wheel.package.url
    name = wheel.path.name
    with opened(wheel.path, of=of) as archive:
        source = WheelFile(archive)
        try:
            source.validate_record()
            names = [info.filename for info in archive.infolist() if not info.is_dir()]
            commands = _commands(source)
        except InstallerError as error:
            issue = getattr(error, "issues", [str(error)])[0]
            raise refused(name, f"is not what its own RECORD says: {shown(str(issue))}", of) from error
    folders = scheme.folders(wheel.package.name)
    data = f"{source.data_dir}/"
    found = []
    for path in names:
        part, _, rest = path.removeprefix(data).partition("/") if path.startswith(data) else ("purelib", "", path)
        if part not in folders or not rest:
            raise refused(name, f"holds '{shown(path)}', which belongs nowhere", of)
        if "__pycache__" not in rest.split("/"):
            found.append(f"{folders[part]}/{rest}".lstrip("/"))
    for command in commands:
        if "/" in command or "\\" in command or not is_below(command) or path_beyond_bounds(command):
            raise refused(name, f"wants to write the command '{shown(command)}', which is no plain name", of)
        found.append(f"bin/{command}")
    for path in found:
        if not is_below(path) or path_beyond_bounds(path):
            raise refused(name, f"wants to write '{shown(path)}', which is not below the environment", of)
    return found


def _commands(source: WheelFile) -> list[str]:
    if _ENTRY_POINTS not in source.dist_info_filenames:
        return []
    return [str(name) for name, *_ in parse_entrypoints(source.read_dist_info(_ENTRY_POINTS))]


def _claim(path: str, wheel: FetchedWheel, prefix: Path, taken: dict[str, str]) -> None:
    """Note that a wheel brings `path`; refuse what a conda package or another wheel has there.

    A file system that does not tell upper from lower case would take two names for one.
    """
    owner = taken.setdefault(path.casefold(), wheel.package.name)
    if owner != wheel.package.name:
        raise PrefixError(
            f"the wheels {owner} and {wheel.package.name} both bring '{shown(path)}'",
            hint="remove one of them from the pip section",
        )
    if os.path.lexists(prefix / path):
        raise PrefixError(
            f"the wheel {wheel.package.name} brings '{shown(path)}', which a conda package has brought",
            hint="remove the wheel from the pip section, or the conda package from `dependencies`",
        )


def _install(wheel: FetchedWheel, prefix: Path, scheme: _Scheme) -> None:
    folders = {part: str(prefix / folder) for part, folder in scheme.folders(wheel.package.name).items()}
    destination = SchemeDictionaryDestination(
        folders, interpreter=scheme.interpreter, script_kind="posix", bytecode_optimization_levels=()
    )
    requested = wheel.package.wheel is not None and wheel.package.wheel.requested
    with opened(wheel.path, of=wheel.package.url) as archive, warnings.catch_warnings():
        # Bytecode in a wheel is left out, which it warns of.
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            install(WheelFile(archive), destination, _added(requested=requested))
        except (InstallerError, FileExistsError, NotADirectoryError) as error:
            raise refused(wheel.path.name, f"cannot be installed: {error}", wheel.package.url) from error


def _added(*, requested: bool) -> dict[str, bytes]:
    return {"INSTALLER": b"lite-env\n", **({"REQUESTED": b""} if requested else {})}
