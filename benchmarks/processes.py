"""A process that is waited for, and what it cost."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """What a process cost, with all processes that it started and waited for.

    Attributes:
        wall: seconds by the clock.
        cpu: seconds of processors.
        memory: the most bytes that one of them had.
    """

    wall: float
    cpu: float
    memory: int


class ProcessFailedError(Exception):
    """It ended with an error; the text is its last words."""


def run_counted(
    command: Sequence[str], *, log: Path, environ: Mapping[str, str], folder: Path | None = None, last: int = 2000
) -> Usage:
    """Run a program, what it says going to the file `log`.

    Raises:
        ProcessFailedError: it failed; told with the `last` characters of what it said.
    """
    with log.open("wb") as stream:
        begin = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env=dict(environ),
        )
        try:
            _pid, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        wall = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise ProcessFailedError(log.read_text(encoding="utf-8", errors="replace")[-last:])
    return Usage(
        wall=wall,
        cpu=usage.ru_utime + usage.ru_stime,
        memory=usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
    )
