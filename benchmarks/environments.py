"""The environments that are measured: all 29 packages of the wheel of 2023, and a lean one of what a user asks for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from benchmarks.common import ROOT, WORK, step
from lite_env.lock.file import lock_path, read_lock
from lite_env.store.atomic import write_text
from lite_env.workflow.install import cached_environment
from lite_env.workflow.lock import lock_environment

if TYPE_CHECKING:
    from pathlib import Path

CHANNEL = ROOT / "channels" / "emscripten-forge-2023"
FULL = ("numpy", "pip", "xeus-lite", "xeus-python")
"""What was asked for in 2023; mamba added pip to python by itself."""
LEAN = ("numpy", "xeus-python")


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """An environment that is locked and installed.

    Attributes:
        file: the environment file, its lock beside it.
        prefix: where it is installed; not to be changed.
        packages: how many it has.
    """

    name: str
    file: Path
    prefix: Path
    packages: int


def make_environment(
    name: str, dependencies: tuple[str, ...], channel: Path = CHANNEL, *, preload: tuple[str, ...] = ()
) -> Environment:
    """Write an environment file for `channel`, with the modules that it is to `preload`, lock and install it."""
    with step(f"environment {name}"):
        file = WORK / "environments" / name / "environment.yml"
        document = {"name": name, "channels": [channel.as_posix()], "dependencies": sorted(dependencies)}
        write_text(file, yaml.safe_dump(document, sort_keys=True))
        write_text(file.with_name("pyproject.toml"), f"[tool.lite-env]\npreload = {json.dumps(preload)}\n")
        lock_environment(file)
        lock = read_lock(lock_path(file))
        with cached_environment(lock) as prefix:
            return Environment(name=name, file=file, prefix=prefix.path, packages=len(lock.packages))
