"""Measures packing against empack on the same installed environments, the packers taking turns.

Example: python -m benchmarks.pack --quick
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import signal
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.common import WORK, commit, load_average, machine, say, write_json
from benchmarks.earlier import earlier
from benchmarks.empack import VERSION, install_empack
from benchmarks.pack.prefixes import WHEELS, changed_copy, count_files, large_prefix, same_files_copy, small_prefix
from benchmarks.pack.report import BEFORE, write_report
from benchmarks.pack.runs import Cost, PackFailedError, clean, run_empack, run_ours

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.earlier import Earlier

HERE = Path(__file__).parent
_ENVIRONMENTS = ("small", "large")
PLAIN = ("--no-bytecode", "--no-trace")
CHANGED = ("traitlets", "pip")
"""Packages that are changed: one that every start reads, and one that none does."""


def main() -> None:
    """Measure, and write the results when all of it is there."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pack", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round, the small one; results below .build only")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--environments", nargs="+", choices=_ENVIRONMENTS, default=_ENVIRONMENTS)
    parser.add_argument("--before", metavar="REV", help="also the lite_env of this commit, in turns, by default flags")
    parser.add_argument("-o", "--output", type=Path, help="folder of the results; by default this one, of a full run")
    parser.add_argument("--render", action="store_true", help="measure nothing: write the table from results.json")
    given = parser.parse_args()
    names = _ENVIRONMENTS[:1] if given.quick else tuple(given.environments)
    output = given.output or (HERE if names == _ENVIRONMENTS else WORK / "results" / "pack")
    if given.render:
        print(write_report(json.loads((output / "results.json").read_text(encoding="utf-8")), output / "results.md"))
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        result = measure(names, rounds=1 if given.quick else given.rounds, before=given.before)
    finally:
        clean()
    output.mkdir(parents=True, exist_ok=True)
    write_json(output / "results.json", result)
    print(write_report(result, output / "results.md"))
    if result["failures"]:
        raise SystemExit("error: some runs failed: see the report")


def measure(names: Sequence[str], *, rounds: int, before: str | None) -> dict[str, Any]:
    """All rounds on all of these environments."""
    install_empack()
    other = earlier(before) if before else None
    makers = dict(zip(_ENVIRONMENTS, (small_prefix, large_prefix), strict=True))
    prefixes = {name: makers[name]() for name in names}
    runs: list[dict[str, Any]] = []
    failures: list[str] = []
    for name, prefix in prefixes.items():
        changed = {package: changed_copy(prefix, package) for package in CHANGED}
        same = same_files_copy(prefix)
        for number in range(rounds):
            for what, run in _plan(prefix, same, changed, other):
                try:
                    cost = run()
                except PackFailedError as error:
                    failures.append(f"{name}, {what}: {error}")
                    say(f"{name}, {what}: failed: {error}")
                    continue
                say(f"[{number + 1}/{rounds}] {name}, {what}: {_line(cost)}")
                load = load_average()
                runs.append({"environment": name, "what": what, "load": load, **dataclasses.asdict(cost)})
    return {
        "about": {
            "before": other.commit if other else None,
            "commit": commit(),
            "date": time.strftime("%Y-%m-%d"),
            "empack": VERSION,
            "files": {name: count_files(prefix) for name, prefix in prefixes.items()},
            "machine": machine(),
            "rounds": rounds,
            "wheels": [wheel.pip for wheel in WHEELS],
        },
        "failures": failures,
        "runs": runs,
    }


def _plan(
    prefix: Path, same: Path, changed: dict[str, Path], other: Earlier | None
) -> Iterator[tuple[str, Callable[[], Cost]]]:
    yield "empack", lambda: run_empack(prefix)
    yield "empack, same files", lambda: run_empack(same, filtered=False)
    # empack starts no kernel.
    yield "plain, level 9", lambda: run_ours(prefix, (*PLAIN, "--level", "9", "--no-check"), cold=True)
    yield "plain, level 9, started", lambda: run_ours(prefix, (*PLAIN, "--level", "9"), cold=True)
    yield "no bytecode, level 19", lambda: run_ours(prefix, ("--no-bytecode", "--level", "19"), cold=True)
    yield "no check", lambda: run_ours(prefix, ("--no-check",), cold=True)
    for by in (None, other) if other else (None,):
        mark = BEFORE if by else ""
        yield f"{mark}default", partial(run_ours, prefix, (), cold=True, by=by)
        # With the caches that the default run has filled.
        yield f"{mark}default, unchanged", partial(run_ours, prefix, (), cold=False, by=by)
        for package, copy in changed.items():
            yield f"{mark}default, {package} changed", partial(run_ours, copy, (), cold=False, by=by)


def _line(cost: Cost) -> str:
    return f"{cost.wall:.2f} s, {cost.cpu:.2f} s of CPU, {cost.size / 1e6:.2f} MB in {cost.files} archives"


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        raise SystemExit("interrupted: nothing was written") from None
