"""The answer of an audit as lines, and as JSON values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lite_env.store.plain import bounded, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lite_env.audit.model import Audit, Finding

_SHOWN = 5  # of one rule in a package


def audit_lines(answer: Audit) -> list[str]:
    """The answer as text: what is wrong by package, what was not checked, and a line that sums up."""
    by_package: dict[str, dict[tuple[str, str, str], list[Finding]]] = {}
    for finding in answer.findings:
        groups = by_package.setdefault(finding.package, {})
        groups.setdefault((finding.severity, finding.rule, finding.hint), []).append(finding)
    lines = []
    for package, groups in by_package.items():
        lines.append(_in_line(package))
        for key in sorted(groups, key=lambda each: each[0]):
            lines += _group(key, groups[key])
    lines += [f"note: {note}" for note in answer.notes]
    return [*lines, _summary(answer)]


def audit_as_json(answer: Audit) -> dict[str, Any]:
    """The answer as JSON values."""
    return {
        "check": "audit",
        "ok": bool(answer),
        "errors": answer.count("error"),
        "warnings": answer.count("warning"),
        "packages": list(answer.packages),
        "libraries": answer.libraries,
        "runtimes": list(answer.runtimes),
        "notes": list(answer.notes),
        "findings": [
            {
                "rule": finding.rule,
                "severity": finding.severity,
                "package": finding.package,
                "file": finding.file,
                "message": finding.message,
                "hint": finding.hint,
            }
            for finding in answer.findings
        ],
    }


def _group(key: tuple[str, str, str], findings: list[Finding]) -> Iterator[str]:
    severity, rule, hint = key
    yield f"  {severity} {rule}"
    for finding in findings[:_SHOWN]:
        place = f"{finding.file}: " if finding.file is not None else ""
        yield f"    {_in_line(place + finding.message)}"
    if len(findings) > _SHOWN:
        yield f"    and {len(findings) - _SHOWN:,} more (--json tells all)"
    yield f"    hint: {_in_line(hint)}"


def _summary(answer: Audit) -> str:
    counts = (
        _count(len(answer.packages), "package", "packages"),
        _count(answer.libraries, "shared library", "shared libraries"),
    )
    against = f", held against {', '.join(map(_in_line, answer.runtimes))}" if answer.runtimes else ""
    errors, warnings = answer.count("error"), answer.count("warning")
    return (
        f"{', '.join(counts)}{against}: {_count(errors, 'error', 'errors')}, {_count(warnings, 'warning', 'warnings')}"
    )


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _in_line(text: str) -> str:
    return plain(bounded(text).replace("\n", "\\n").replace("\t", "\\t"))
