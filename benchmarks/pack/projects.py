"""The projects that are packed again: an environment file, its lock, and the same with one package changed."""

from __future__ import annotations

import io
import tarfile
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml
import zstandard

from benchmarks.common import ROOT, WORK, step
from benchmarks.environments import CHANNEL
from lite_env.channel.index import index_channel
from lite_env.lock.file import lock_path, read_lock
from lite_env.store.atomic import write_text
from lite_env.store.removal import remove_tree
from lite_env.workflow.lock import lock_environment
from tests.conda_packages import make_package

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_APPLICATIONS = 15
_MODULES, _FUNCTIONS = 8, 30
_BUILD = 9
"""Of the changed package: greater than any that is there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """A project.

    Attributes:
        name: of it.
        file: its environment file, with its lock beside it.
        changed: the same, of which one package is of another build with a line more in one file.
        package: which one.
        packages: how many there are.
    """

    name: str
    file: Path
    changed: Path
    package: str
    packages: int


def synthetic_project() -> Project:
    """A kernel with its 24 packages, and 75 of nothing but modules: 15 are asked for, each has four below it."""
    with step("a channel of 75 packages"):
        folder = WORK / "channels" / "synthetic"
        remove_tree(folder)
        for number in range(_APPLICATIONS):
            libraries = [f"library{number}{letter}" for letter in "abcd"]
            for name in libraries:
                make_package(folder, name, files=_modules(name, ()), depends=["python"], noarch="python")
            application = f"application{number}"
            files = _modules(application, libraries)
            make_package(folder, application, files=files, depends=["python", *libraries], noarch="python")
        index_channel(folder)
    asked = [f"application{number}" for number in range(_APPLICATIONS)]
    return _project("synthetic", [folder, CHANNEL], [*asked, "xeus-python"], "library3c")


def real_project(name: str, channel: Path, dependencies: Sequence[str], package: str) -> Project:
    """One of what real channels have."""
    return _project(name, [channel], dependencies, package)


def all_projects() -> tuple[Project, ...]:
    """Those that are measured."""
    pyodide = ROOT / "channels" / "pyodide-0.27"
    science = ("pyodide-kernel", "numpy", "pandas", "scipy", "scikit-learn", "matplotlib")
    return (
        synthetic_project(),
        real_project("numpy", CHANNEL, ("numpy", "xeus-python"), "traitlets"),
        real_project("science", pyodide, science, "traitlets"),
    )


def _project(name: str, channels: Sequence[Path], dependencies: Sequence[str], package: str) -> Project:
    with step(f"project {name}"):
        file = _written(name, channels, dependencies)
        lock = read_lock(lock_path(file))
        record = next(found for found in lock.packages if found.name == package)
        source = next(path for channel in channels for path in channel.glob(f"*/{record.file_name}"))
        overlay = WORK / "channels" / f"{name}-changed"
        remove_tree(overlay)
        files = _payload(source)
        path = next(path for path in sorted(files) if path.endswith(f"{package}/__init__.py"))
        files[path] += b"# changed\n"
        make_package(
            overlay,
            package,
            record.version,
            files=files,
            depends=record.depends,
            build=f"changed_{_BUILD}",
            build_number=_BUILD,
            noarch=record.noarch,
        )
        index_channel(overlay)
        changed = _written(f"{name}-changed", [overlay, *channels], dependencies, environment=name)
        if not any(found.build_number == _BUILD for found in read_lock(lock_path(changed)).packages):
            raise SystemExit(f"error: the changed {package} is not in the lock")
        return Project(name=name, file=file, changed=changed, package=package, packages=len(lock.packages))


def _written(
    folder: str, channels: Sequence[Path], dependencies: Sequence[str], *, environment: str | None = None
) -> Path:
    """An environment file, locked."""
    file = WORK / "projects" / folder / "environment.yml"
    document = {
        "name": environment or folder,
        "channels": [channel.as_posix() for channel in channels],
        "dependencies": sorted(dependencies),
    }
    write_text(file, yaml.safe_dump(document, sort_keys=True))
    lock_environment(file)
    return file


def _modules(name: str, needed: Sequence[str]) -> dict[str, bytes | str]:
    """A package of Python that imports all of its modules, and those that it needs."""
    root = f"site-packages/{name}"
    files: dict[str, bytes | str] = {f"{root}/data.txt": "".join(f"{name} {row}\n" for row in range(1000))}
    for number in range(_MODULES):
        body = "\n\n".join(_function(name, number, at) for at in range(_FUNCTIONS))
        files[f"{root}/part{number}.py"] = f'"""Part {number} of {name}."""\n\n\n{body}\n'
    imports = [f"import {other}" for other in needed] + [f"from {name} import part{at}" for at in range(_MODULES)]
    files[f"{root}/__init__.py"] = "\n".join(imports) + "\n"
    return files


def _function(name: str, part: int, at: int) -> str:
    return (
        f"def {name}_{part}_{at}(values, factor={part + at}):\n"
        f'    """Add up what is above {at}."""\n'
        f"    total = {at * 17 + part}\n"
        "    for index, value in enumerate(values):\n"
        f"        if value > {at} and index % {part + 2}:\n"
        "            total += value * factor\n"
        "    return total"
    )


def _payload(path: Path) -> dict[str, bytes]:
    """The files of a conda package."""
    with zipfile.ZipFile(path) as archive:
        name = next(name for name in archive.namelist() if name.startswith("pkg-"))
        data = zstandard.ZstdDecompressor().stream_reader(archive.read(name)).read()
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
        return {member.name: tar.extractfile(member).read() for member in tar if member.isfile()}  # type: ignore[union-attr]
