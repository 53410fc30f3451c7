"""Measures how the cost of packing many environments grows: by environments, and by the packages that they have in all.

Example: python -m benchmarks.fleet --quick
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.common import WORK, commit, load_average, machine, say, write_json
from benchmarks.fleet.channel import make_channel, make_environments
from benchmarks.fleet.report import write_report
from benchmarks.processes import run_counted
from lite_env.store.local import LocalStore
from lite_env.store.location import CACHE_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).parent
EACH = 20
_GRID = ((50, 100), (100, 100), (200, 100), (500, 100), (200, 200), (200, 400), (200, 800), (500, 400))
_QUICK = ((10, 20), (20, 20), (20, 40), (10, 40))
_SCRATCH = WORK / "scratch-fleet"


def main() -> None:
    """Measure, and write the results when all of it is there."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few environments; results below .build only")
    given = parser.parse_args()
    try:
        result = measure(_QUICK if given.quick else _GRID)
    finally:
        shutil.rmtree(_SCRATCH, ignore_errors=True)
    output = WORK / "results" / "fleet" if given.quick else HERE
    output.mkdir(parents=True, exist_ok=True)
    write_json(output / "results.json", result)
    print(write_report(json.loads(json.dumps(result)), output / "results.md"))


def measure(grid: Sequence[tuple[int, int]]) -> dict[str, Any]:
    """Each fleet of the grid: (environments, packages that they have in all)."""
    begun = time.monotonic()
    channel = make_channel(max(distinct for _, distinct in grid))
    runs = []
    for environments, distinct in grid:
        run = _fleet(channel, environments, distinct)
        say(f"{environments} environments of {distinct} packages: {run['wall']:.1f} s, {run['cpu']:.1f} s of CPU")
        runs.append(run)
    return {
        "about": {
            "commit": commit(),
            "date": time.strftime("%Y-%m-%d"),
            "each": EACH,
            "machine": machine(),
            "seconds": round(time.monotonic() - begun),
        },
        "runs": runs,
    }


def _fleet(channel: Path, environments: int, distinct: int) -> dict[str, Any]:
    files = make_environments(channel, distinct, environments, EACH)
    shutil.rmtree(_SCRATCH, ignore_errors=True)
    _SCRATCH.mkdir(parents=True)
    cache = _SCRATCH / "cache"
    # The kernel starts nothing: there is nothing to trace, to compile or to start.
    command = [sys.executable, "-m", "lite_env", "--quiet", "pack", *map(str, files), "-o", str(_SCRATCH / "packs")]
    command += ["--order", "packages", "--no-trace", "--no-bytecode", "--no-check", "--frozen"]
    environ = {**os.environ, CACHE_VARIABLE: str(cache)}
    usage = run_counted(command, log=_SCRATCH / "log", environ=environ)
    again = run_counted(command, log=_SCRATCH / "log", environ=environ)
    kinds = [entry.kind for entry in LocalStore(cache / "store").entries()]
    return {
        "environments": environments,
        "distinct": distinct,
        "wall": usage.wall,
        "cpu": usage.cpu,
        "again": again.wall,
        "archives": kinds.count("archive"),
        "packages": kinds.count("package"),
        "load": load_average(),
    }


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        raise SystemExit("interrupted: nothing was written") from None
