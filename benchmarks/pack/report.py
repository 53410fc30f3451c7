"""The results as Markdown: costs, sizes, and what the targets say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.common import markdown_table, median
from lite_env.store.atomic import write_text

if TYPE_CHECKING:
    from pathlib import Path

BEFORE = "before: "
"""What the runs of an earlier lite_env begin with."""
_TARGETS = (
    ("plain, level 9", "empack", "wall", 0.5),
    ("plain, level 9", "empack", "size", 0.9),
    ("no bytecode, level 19", "empack", "size", 0.8),
    ("plain, level 9", "empack, same files", "wall", 0.5),
    ("plain, level 9", "empack, same files", "size", 0.9),
    ("no bytecode, level 19", "empack, same files", "size", 0.8),
    ("default, unchanged", "default", "wall", 0.05),
    ("default, traitlets changed", "default", "wall", 0.2),
    ("default, pip changed", "default", "wall", 0.2),
)
_LABELS = {
    "empack": "empack {version}, its default filters",
    "empack, same files": "empack {version}, the files that lite-env packs",
    "plain, level 9": "`lite-env pack --no-bytecode --no-trace --level 9 --no-check`",
    "plain, level 9, started": "the same without `--no-check`: its kernel is started once",
    "no bytecode, level 19": "`lite-env pack --no-bytecode --level 19`",
    "no check": "`lite-env pack --no-check`",
    "default": "`lite-env pack`",
    "default, unchanged": "the same again, nothing changed",
    "default, traitlets changed": "the same again, traitlets changed (every start reads it)",
    "default, pip changed": "the same again, pip changed (no start reads it)",
}
_AGAIN = tuple(what for what in _LABELS if what.startswith("default"))
_NO_WORSE = 1.05  # of an earlier one's seconds: what two runs of the same code differ by
_NOTE = (
    "Size: archives and metadata, without the kernel's script and wasm. CPU: with all processes that it started. "
    "Cold runs start with empty caches. empack's default filters drop more (of the small environment 440 files: pip's "
    "`_vendor`, without which it cannot be imported, pkg_resources' `_vendor`, idlelib, ensurepip), so there is a row "
    "for the same files too."
)


def write_report(result: dict[str, Any], path: Path) -> str:
    """Write the Markdown, and give it."""
    about, computer = result["about"], result["about"]["machine"]
    head = (
        f"# Packing\n\n{about['date']}, commit {about['commit']}, {computer['cores']} cores of "
        f"{computer['processor']}, {computer['system']}, Python {computer['python']}; medians of {about['rounds']} "
        f"rounds (least-most).\n\n{_NOTE}"
    )
    parts = [head]
    for name, files in about["files"].items():
        parts += [f"## {_title(name, files, about)}", _table(result, name), _targets(result, name)]
    if result["failures"]:
        parts += ["## Failures", "".join(f"* {failure.splitlines()[0]}\n" for failure in result["failures"])]
    text = "\n\n".join(part.strip("\n") for part in parts) + "\n"
    write_text(path, text)
    return text


def _title(name: str, files: int, about: dict[str, Any]) -> str:
    added = "" if name == "small" else f" and {', '.join(about['wheels'])}"
    return f"The 29 packages of 2023{added}: {files:,} files"


def _values(result: dict[str, Any], name: str, what: str, key: str) -> list[float]:
    return [run[key] for run in result["runs"] if (run["environment"], run["what"]) == (name, what)]


def _table(result: dict[str, Any], name: str) -> str:
    rows = []
    earlier = {f"{BEFORE}{what}": f"{_LABELS[what]}, at {result['about'].get('before')}" for what in _AGAIN}
    for what, label in (_LABELS | earlier).items():
        wall, cpu, size, files, memory = (
            _values(result, name, what, key) for key in ("wall", "cpu", "size", "files", "memory")
        )
        if wall:
            rows.append(
                [
                    label.format(version=result["about"]["empack"]),
                    f"{median(wall):.2f} ({min(wall):.2f}-{max(wall):.2f})",
                    f"{median(cpu):.2f}",
                    f"{(median(size) or 0) / 1e6:.2f}",
                    f"{median(files):.0f}",
                    f"{(median(memory) or 0) / 1e6:.0f}",
                ]
            )
    return markdown_table(["", "wall, s", "CPU, s", "MB", "archives", "memory, MB"], rows)


def _targets(result: dict[str, Any], name: str) -> str:
    rows = []
    has_earlier = bool(_values(result, name, f"{BEFORE}default", "wall"))
    no_worse = ((what, f"{BEFORE}{what}", key, _NO_WORSE) for what in _AGAIN for key in ("wall", "cpu", "memory"))
    for what, to, key, limit in (*_TARGETS, *(no_worse if has_earlier else ())):
        own, other = median(_values(result, name, what, key)), median(_values(result, name, to, key))
        if own is None or not other:
            rows.append([f"{what}: {key} to {to}", f"≤ {limit}", "-", "not measured"])
            continue
        ratio = own / other
        verdict = "pass" if ratio <= limit else f"missed by {(ratio / limit - 1) * 100:.0f} %"
        rows.append([f"{what}: {key} to {to}", f"≤ {limit}", f"{ratio:.3f}", verdict])
    return markdown_table(["ratio", "target", "measured", ""], rows)
