"""Whether the start of a pack stays within a budget of bytes, and what it goes to where it does not.

Counted is what the pack makes a browser load before the first cell, as it lies on the server: manifest, index, the
kernel's own files (scripts, modules, data, libraries), and the archives that its start loads, or, where the pack brings
one, the snapshot and the archives that a restore of it reads. Not counted is what is not the pack's: the page, or
JupyterLite, and the runtime.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lite_env.errors import ReportError
from lite_env.report.table import columns, in_line, requests_text, size_text

if TYPE_CHECKING:
    from lite_env.report.model import KernelBoot, SizeReport

SHOWN = 10
"""Of what the bytes go to."""
COUNTED = (
    "counted: manifest, index, the kernel's own files and the archives that its start loads, as they lie in the pack"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class KernelBudget:
    """The start of one kernel against the budget.

    Attributes:
        kernel: its start.
        over: bytes above the budget; 0 or less within it.
        contributors: what its bytes go to, by package, the most first; what belongs to no package is in brackets.
    """

    kernel: KernelBoot
    over: int
    contributors: tuple[tuple[str, int], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class BudgetAnswer:
    """Whether each kernel of a pack starts within the budget; `budget` in bytes."""

    budget: int
    kernels: tuple[KernelBudget, ...]

    def __bool__(self) -> bool:
        return all(each.over <= 0 for each in self.kernels)


def check_budget(report: SizeReport, budget: int) -> BudgetAnswer:
    """Hold the start of each kernel against `budget` bytes.

    Raises:
        ReportError: it is a lock, which tells nothing of a start; or the pack was not traced and it is not known what a
            start loads, while what is known is within the budget.
    """
    if report.kind != "pack":
        raise ReportError("a lock does not tell what a start loads", hint="check the pack that is made of it")
    answers = tuple(
        KernelBudget(kernel=kernel, over=kernel.size - budget, contributors=_contributors(report, kernel))
        for kernel in report.kernels
    )
    answer = BudgetAnswer(budget=budget, kernels=answers)
    untraced = [kernel.name for kernel in report.kernels if not kernel.traced]
    if answer and untraced:
        raise ReportError(
            f"it is not known what the start of {untraced[0]} loads: the pack was not traced",
            hint="pack it without --no-trace, where there is a Node.js",
            kernel=untraced[0],
        )
    return answer


def budget_lines(answer: BudgetAnswer) -> list[str]:
    """The answer as text, a line a kernel, with what the bytes go to where they are too many."""
    lines = []
    for each in answer.kernels:
        size = f"{size_text(each.kernel.size)} in {requests_text(len(each.kernel.files))} before the first cell"
        verdict = "within" if each.over <= 0 else f"{size_text(each.over)} above"
        lines.append(f"{in_line(each.kernel.name)}: {size}, {verdict} the budget of {size_text(answer.budget)}")
        if each.over > 0:
            rows = [(size_text(size), name) for name, size in each.contributors[:SHOWN]]
            lines += [f"  {line}" for line in columns(rows, "><")]
            lines += [f"  and {len(each.contributors) - SHOWN} more"] * (len(each.contributors) > SHOWN)
    return [*lines, COUNTED]


def budget_as_json(answer: BudgetAnswer) -> dict[str, Any]:
    """The answer as JSON values; sizes in bytes."""
    return {
        "check": "budget",
        "ok": bool(answer),
        "budget": answer.budget,
        "counted": COUNTED.removeprefix("counted: "),
        "kernels": [
            {
                "name": each.kernel.name,
                "size": each.kernel.size,
                "requests": len(each.kernel.files),
                "over": max(each.over, 0),
                "contributors": [{"name": name, "size": size} for name, size in each.contributors],
            }
            for each in answer.kernels
        ],
    }


def _contributors(report: SizeReport, kernel: KernelBoot) -> tuple[tuple[str, int], ...]:
    loaded = {position for position, archive in enumerate(report.archives) if kernel.name in archive.kernels}
    sizes: Counter[str] = Counter()
    for file in report.files:
        if file.archive in loaded:
            sizes[file.package or "(no package)"] += file.packed
    for boot in kernel.files:
        if boot.what in ("manifest", "index"):
            sizes["(manifest and index)"] += boot.size
        elif boot.what == "snapshot":
            sizes["(snapshot)"] += boot.size
        elif not boot.path.startswith("archives/"):
            sizes[boot.package or "(no package)"] += boot.size
    return tuple(sorted(sizes.items(), key=lambda item: (-item[1], item[0])))
