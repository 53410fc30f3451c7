"""The cost of fleets as Markdown, and what each environment and each package adds to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.common import markdown_table
from lite_env.store.atomic import write_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def write_report(result: dict[str, Any], path: Path) -> str:
    """Write the Markdown, and give it."""
    about, runs = result["about"], result["runs"]
    computer = about["machine"]
    rows = [
        [
            str(run["environments"]),
            str(run["distinct"]),
            f"{run['wall']:.1f}",
            f"{run['cpu']:.1f}",
            str(run["archives"]),
            f"{run['again']:.1f}",
        ]
        for run in runs
    ]
    head = ["environments", "packages in all", "wall, s", "CPU, s", "compressed files", "again, s"]
    base, by_environment, by_package = fit(
        [(run["environments"], run["distinct"]) for run in runs], [run["cpu"] for run in runs]
    )
    rest = max(
        abs(run["cpu"] - base - by_environment * run["environments"] - by_package * run["distinct"]) / run["cpu"]
        for run in runs
    )
    text = (
        f"# Many environments\n\n{about['date']}, commit {about['commit']}, {computer['cores']} cores of "
        f"{computer['processor']}, {computer['system']}, Python {computer['python']}; {about['seconds'] / 60:.0f} "
        f"minutes. A simulation: each environment has {about['each']} packages of a synthetic channel, of 390 kB each, "
        "and a kernel that starts nothing; `lite-env pack --order packages` of all of them in one command, from empty "
        "caches and again. Compressed files are archives, one a package, and each environment's index.\n\n"
        f"{markdown_table(head, rows)}\n"
        f"CPU is {base:.1f} s, {by_package:.3f} s a package that any of them has, and {by_environment:.3f} s an "
        f"environment (to install it, and to write its pack); no fleet is further than {rest * 100:.0f} % from that.\n"
    )
    write_text(path, text)
    return text


def fit(points: Sequence[tuple[float, float]], values: Sequence[float]) -> tuple[float, float, float]:
    """The plane ``a + b·x + c·y`` with the least squares from `values`."""
    columns = [[1.0, x, y] for x, y in points]
    normal = [
        [sum(row[i] * row[j] for row in columns) for j in range(3)]
        + [sum(row[i] * value for row, value in zip(columns, values, strict=True))]
        for i in range(3)
    ]
    for i in range(3):
        pivot = normal[i][i]
        normal[i] = [cell / pivot for cell in normal[i]]
        for j in range(3):
            if j != i:
                normal[j] = [cell - normal[j][i] * own for cell, own in zip(normal[j], normal[i], strict=True)]
    a, b, c = (row[3] for row in normal)
    return a, b, c
