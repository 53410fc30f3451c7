"""What is told of packs: that they were written, or would be."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from lite_env.cli.console import say

if TYPE_CHECKING:
    from pathlib import Path

    from lite_env.pack.manifest import Manifest
    from lite_env.progress import Reporter
    from lite_env.workflow.fleet import Outcome
    from lite_env.workflow.pack import Decisions, Packed
    from lite_env.workflow.report import PackReport

_MEGABYTE = 1_000_000


def tell_packed(packed: Packed, reporter: Reporter) -> None:
    """Tell the figures of a pack."""
    reporter.note(summary(packed.report, packed.manifest))


def packed_document(packed: Packed, output: Path) -> dict[str, Any]:
    """What `--json` tells of a pack."""
    figures = {
        "manifest": str(output / "manifest.json"),
        "again": packed.again,
        "bytecode": packed.manifest.bytecode,
        "packed_size": packed.manifest.total_size,
        "profile": packed.manifest.profile,
    }
    report: dict[str, Any] = msgspec.to_builtins(packed.report)
    return report | figures


def outcome_document(outcome: Outcome) -> dict[str, Any]:
    """What `--json` tells of one of several environments."""
    document: dict[str, Any] = {"source": str(outcome.source)}
    if outcome.packed is not None and outcome.output is not None:
        return document | packed_document(outcome.packed, outcome.output)
    error = outcome.error
    return document | {"name": outcome.name, "error": error.message if error else "", "hint": error and error.hint}


def say_decisions(decisions: Decisions) -> None:
    """Print what packing would do, and what of it would be dropped."""
    for step in decisions.steps:
        say(f"{'' if step.taken else 'no '}{step.name}: {step.how}")
    for line in dropped_lines(decisions.report) if decisions.report else ():
        say(line)


def decisions_document(decisions: Decisions) -> dict[str, Any]:
    """What `--json` tells of what packing would do."""
    report = decisions.report
    steps = [{"step": step.name, "taken": step.taken, "how": step.how} for step in decisions.steps]
    return {"steps": steps} | (msgspec.to_builtins(report) if report else {})


def summary(report: PackReport, manifest: Manifest | None) -> str:
    """The closing line of figures; sizes in MB of 10**6 bytes."""
    parts = [f"{report.packages} packages", f"{report.files} files", f"{report.raw_size / _MEGABYTE:.1f} MB"]
    if manifest is not None:
        kernels = sum(file.size for file in manifest.binaries) / _MEGABYTE
        snapshots = sum(file.size for file in manifest.snapshots) / _MEGABYTE
        also = f", {snapshots:.1f} MB snapshots" if manifest.snapshots else ""
        parts.append(f"{manifest.total_size / _MEGABYTE:.1f} MB packed ({kernels:.1f} MB of it kernels{also})")
    parts.append(f"{len(report.archives)} archives")
    dropped = sum(file.size for file in report.dropped)
    return f"{', '.join(parts)}; {len(report.dropped)} files ({dropped / _MEGABYTE:.1f} MB) dropped"


def dropped_lines(report: PackReport) -> list[str]:
    """What was dropped, a line a rule, the most bytes first."""
    count: Counter[str] = Counter(file.rule for file in report.dropped)
    size: Counter[str] = Counter()
    reasons = {file.rule: file.reason for file in report.dropped}
    for file in report.dropped:
        size[file.rule] += file.size
    return [
        f"{size[rule] / _MEGABYTE:8.2f} MB {count[rule]:6d} files  {rule}: {reasons[rule]}"
        for rule in sorted(count, key=lambda rule: (-size[rule], rule))
    ]
