"""A real scheduler of dask.distributed on loopback, and workers that are processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_SECONDS = 60.0


@dataclass(kw_only=True, slots=True)
class Cluster:
    """A scheduler.

    Attributes:
        address: of it.
        folder: what it and its workers write into.
        options: of all of them, on the command line.
        environ: more for all of them.
        processes: the workers, by name.
    """

    address: str
    folder: Path
    options: tuple[str, ...]
    environ: Mapping[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, **environ: str) -> subprocess.Popen[bytes]:
        """A worker with a cache of its own, that works at one thing at a time."""
        cache = {"LITE_ENV_CACHE_DIR": str(self.cache(name))}
        command = ["distributed.cli.dask_worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
        command += ["--name", name, "--local-directory", str(self.folder / name), *self.options]
        self.processes[name] = _start(command, self.folder / f"{name}.log", {**self.environ, **cache, **environ})
        return self.processes[name]

    def cache(self, name: str) -> Path:
        return self.folder / f"cache-{name}"

    def wait_for_workers(self, count: int) -> None:
        """Until so many have told the scheduler that they are there."""
        logs = [self.folder / f"{name}.log" for name in self.processes]
        _wait(lambda: sum("Registered to" in log.read_text() for log in logs) >= count)


@contextmanager
def dask_cluster(folder: Path, *, scheme: str = "tcp", environ: Mapping[str, str] = {}) -> Iterator[Cluster]:
    """A scheduler without workers; all that are started are ended with it."""
    folder.mkdir()
    file = folder / "scheduler.json"
    command = ["distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)]
    command += ["--host", f"{scheme}://127.0.0.1", "--protocol", scheme]
    scheduler = _start(command, folder / "scheduler.log", environ)
    cluster = None
    try:
        _wait(lambda: file.is_file() and file.read_text().rstrip().endswith("}"))
        cluster = Cluster(
            address=json.loads(file.read_text())["address"],
            folder=folder,
            options=("--protocol", scheme, "--host", "127.0.0.1"),
            environ=environ,
        )
        yield cluster
    finally:
        for process in (*(cluster.processes.values() if cluster else ()), scheduler):
            process.kill()
            process.wait()


def _start(command: list[str], log: Path, environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    with log.open("wb") as stream:
        return subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=log.parent,
            env=os.environ | dict(environ),
            stdout=stream,
            stderr=subprocess.STDOUT,
        )


def _wait(done) -> None:
    end = time.monotonic() + _SECONDS
    while not done():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.05)
