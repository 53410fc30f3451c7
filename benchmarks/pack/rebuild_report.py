"""What is packed again, as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.common import markdown_table, median
from benchmarks.targets import Target
from lite_env.store.atomic import write_text

if TYPE_CHECKING:
    from pathlib import Path

FIRST, AGAIN, CHANGED, AWAY = "first", "unchanged", "changed", "away"
_LABELS = {
    FIRST: "`lite-env pack`, from empty caches",
    AGAIN: "the same again, nothing changed",
    CHANGED: "the same again, one package changed",
    AWAY: "nothing changed, on a machine with empty caches; a warm store behind 40 ms and 100 Mbit/s",
}


def write_report(result: dict[str, Any], path: Path) -> str:
    """Write the Markdown, and give it."""
    about, computer = result["about"], result["about"]["machine"]
    head = (
        f"# What is packed again\n\n{about['date']}, commit {about['commit']}, {computer['cores']} cores of "
        f"{computer['processor']}, {computer['system']}, Python {computer['python']}; medians of {about['rounds']} "
        f"rounds (least-most), {about['seconds'] / 60:.0f} minutes. Whole processes, default settings: traced, "
        "compiled, and each kernel started."
    )
    parts = [head]
    for name, packages in about["packages"].items():
        parts += [f"## {name}: {packages} packages, changed is {about['changed'][name]}", _table(result, name)]
        parts += [markdown_table(["target", "limit", "measured", ""], _targets(result, name))]
    text = "\n\n".join(part.strip("\n") for part in parts) + "\n"
    write_text(path, text)
    return text


def _values(result: dict[str, Any], name: str, cores: int, what: str, key: str = "wall") -> list[float]:
    where = (name, cores, what)
    return [run[key] for run in result["runs"] if (run["project"], run["cores"], run["what"]) == where]


def _table(result: dict[str, Any], name: str) -> str:
    rows = []
    for what, label in _LABELS.items():
        cells = [label]
        for cores in (1, 2):
            wall = _values(result, name, cores, what)
            cells.append(f"{median(wall):.2f} ({min(wall):.2f}-{max(wall):.2f})" if wall else "-")
            cells.append(f"{median(_values(result, name, cores, what, 'cpu')) or 0:.2f}")
        rows.append(cells)
    return markdown_table(["", "1 core, s", "CPU, s", "2 cores, s", "CPU, s"], rows)


def _targets(result: dict[str, Any], name: str) -> list[list[str]]:
    targets = []
    for cores in (1, 2):
        first = median(_values(result, name, cores, FIRST)) or 0.0
        again = median(_values(result, name, cores, AGAIN))
        on = f"{cores} core{'s' * (cores > 1)}"
        if name == "synthetic":
            targets.append(Target(what=f"{on}: unchanged, seconds", limit=1.0, found=again))
        for what, limit in ((AGAIN, 0.05), (CHANGED, 0.15), (AWAY, 0.25)):
            found = median(_values(result, name, cores, what))
            targets.append(Target(what=f"{on}: {what} to first", limit=limit, found=found and found / first))
        requests = median(_values(result, name, cores, AWAY, "requests"))
        files = median(_values(result, name, cores, AWAY, "files"))
        # Each file of the pack once, in pieces of a megabyte, and what tells of it.
        targets.append(
            Target(
                what=f"{on}: requests to files of the pack", limit=2.0, found=requests and files and requests / files
            )
        )
    return [
        [target.what, f"≤ {target.limit}", "-" if target.found is None else f"{target.found:.3f}", target.verdict]
        for target in targets
    ]
