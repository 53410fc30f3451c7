"""One packing in a process of its own: what it costs, and how large the result is."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.common import WORK
from benchmarks.empack import empack_command, empack_environment, install_empack
from benchmarks.processes import ProcessFailedError, run_counted
from lite_env.store.location import CACHE_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from benchmarks.earlier import Earlier


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What one run cost.

    Attributes:
        wall: seconds by the clock.
        cpu: seconds of processors, all processes that it started and waited for included.
        memory: the most bytes that one of them had.
        size: bytes of archives and metadata; without the kernel's script and wasm, which empack leaves to others.
        files: archives among them.
    """

    wall: float
    cpu: float
    memory: int
    size: int
    files: int


class PackFailedError(Exception):
    """The packer ended with an error; the text is its last words."""


def run_empack(prefix: Path, *, filtered: bool = True) -> Cost:
    """Empack with its default filters, or with none, and no cache, as jupyterlite-xeus runs it."""
    home, output = _fresh("empack-home"), _fresh("empack-output")
    cache = home / "cache"
    cache.mkdir()
    command = empack_command(install_empack(), prefix, output, cache, filtered=filtered)
    return _run(command, output, empack_environment(home))


def run_ours(prefix: Path, flags: Sequence[str], *, cold: bool, by: Earlier | None = None) -> Cost:
    """`lite-env pack` of an installed environment; `cold` starts with empty caches, else with what is there.

    `by` is the lite_env of another commit than this one.
    """
    name = "-".join([by.commit if by else "ours", *(flag.strip("-") for flag in flags)])
    cache, output = WORK / "scratch" / f"{name}-cache", WORK / "scratch" / f"{name}-output"
    if cold:
        cache, output = _fresh(cache.name), _fresh(output.name)
    command = [sys.executable, "-m", "lite_env", "pack", str(prefix), "-o", str(output), "--name", "bench", *flags]
    environ = by.environ() if by else os.environ
    return _run(command, output, {**environ, CACHE_VARIABLE: str(cache)}, folder=by.folder if by else None)


def clean() -> None:
    """Remove what the runs left."""
    shutil.rmtree(WORK / "scratch", ignore_errors=True)


def _fresh(name: str) -> Path:
    folder = WORK / "scratch" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _run(command: Sequence[str], output: Path, environment: Mapping[str, str], *, folder: Path | None = None) -> Cost:
    log = WORK / "scratch" / "log"
    try:
        usage = run_counted(command, log=log, environ=environment, folder=folder)
    except ProcessFailedError as error:
        raise PackFailedError(str(error)) from error
    files = [path for path in output.rglob("*") if path.is_file() and "kernels" not in path.relative_to(output).parts]
    return Cost(
        wall=usage.wall,
        cpu=usage.cpu,
        memory=usage.memory,
        size=sum(path.stat().st_size for path in files),
        files=sum(".tar." in path.name for path in files),
    )
