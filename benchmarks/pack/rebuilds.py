"""Measures what is packed again: nothing changed, one package changed, and a new machine with a store far away.

Example: python -m benchmarks.pack.rebuilds --quick
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import threading
import time
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.common import WORK, commit, load_average, machine, say, write_json
from benchmarks.link import Link, linked
from benchmarks.pack.projects import all_projects, synthetic_project
from benchmarks.pack.rebuild_report import AGAIN, AWAY, CHANGED, FIRST, write_report
from benchmarks.processes import run_counted
from lite_env.spec.remotes import REMOTE_VARIABLE, TRUST_VARIABLE
from lite_env.store.location import CACHE_VARIABLE
from tests.trees import tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.pack.projects import Project

HERE = Path(__file__).parent
LINK = Link(round_trip=0.04, rate=100e6)
_SCRATCH = WORK / "scratch-rebuilds"


def main() -> None:
    """Measure, and write the results when all of it is there."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pack.rebuilds", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="one round of the synthetic one; results below .build only"
    )
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    projects = (synthetic_project(),) if given.quick else all_projects()
    try:
        result = measure(projects, rounds=1 if given.quick else given.rounds)
    finally:
        shutil.rmtree(_SCRATCH, ignore_errors=True)
    output = WORK / "results" / "rebuilds" if given.quick else HERE
    output.mkdir(parents=True, exist_ok=True)
    write_json(output / "rebuilds.json", result)
    print(write_report(json.loads(json.dumps(result)), output / "rebuilds.md"))


def measure(projects: Sequence[Project], *, rounds: int) -> dict[str, Any]:
    """All rounds of all projects, with one core and with two."""
    begun = time.monotonic()
    runs: list[dict[str, Any]] = []
    for number in range(rounds):
        for project in projects:
            for cores in (1, 2):
                for what, figures in _round(project, cores):
                    say(f"[{number + 1}/{rounds}] {project.name}, {cores} cores, {what}: {figures['wall']:.2f} s")
                    runs.append(
                        {"project": project.name, "cores": cores, "what": what, "load": load_average(), **figures}
                    )
    return {
        "about": {
            "commit": commit(),
            "date": time.strftime("%Y-%m-%d"),
            "machine": machine(),
            "packages": {project.name: project.packages for project in projects},
            "changed": {project.name: project.package for project in projects},
            "rounds": rounds,
            "seconds": round(time.monotonic() - begun),
        },
        "runs": runs,
    }


def _round(project: Project, cores: int) -> Iterator[tuple[str, dict[str, Any]]]:
    shutil.rmtree(_SCRATCH, ignore_errors=True)
    near, far, output = _SCRATCH / "near", _SCRATCH / "far", _SCRATCH / "pack"
    _SCRATCH.mkdir(parents=True)
    yield FIRST, _pack(project.file, output, near, cores)
    yield AGAIN, _pack(project.file, output, near, cores)
    with _served(near / "store") as (port, asked), linked(port, LINK) as through:
        remote = {REMOTE_VARIABLE: f"http://127.0.0.1:{through}", TRUST_VARIABLE: "1"}
        figures = _pack(project.file, _SCRATCH / "away", far, cores, remote)
        yield AWAY, figures | {"requests": len(asked), "files": len(tree(output))}
    if tree(output) != tree(_SCRATCH / "away"):
        raise SystemExit("error: the packs of two machines differ")
    yield CHANGED, _pack(project.changed, output, near, cores)


def _pack(file: Path, output: Path, cache: Path, cores: int, more: Mapping[str, str] = {}) -> dict[str, Any]:
    command = [sys.executable, "-m", "lite_env", "--quiet", "pack", str(file), "-o", str(output)]
    if shutil.which("taskset") is None:
        raise SystemExit("error: to give a process some of the cores takes `taskset` (util-linux)")
    command = ["taskset", "-c", ",".join(map(str, range(cores))), *command]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("LITE_ENV_REMOTE")}
    usage = run_counted(command, log=_SCRATCH / "log", environ={**environ, CACHE_VARIABLE: str(cache), **more})
    return {"wall": usage.wall, "cpu": usage.cpu, "memory": usage.memory}


@contextmanager
def _served(folder: Path) -> Iterator[tuple[int, list[str]]]:
    """A store by HTTP: the port, and what was asked for."""
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_request(self, code: object = "-", size: object = "-") -> None:  # noqa: ARG002
            asked.append(f"{self.command} {self.path}")

        def log_error(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port, asked
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        raise SystemExit("interrupted: nothing was written") from None
