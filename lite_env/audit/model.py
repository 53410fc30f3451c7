"""What an audit finds, and of what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Severity: TypeAlias = Literal["error", "warning"]
"""An error keeps a package out of a channel; a warning is told."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that is wrong with a package.

    Attributes:
        rule: id of the rule, as in ``docs/audit.md``.
        severity: whether it keeps the package out.
        package: file name of the package, or the name of one in a pack.
        file: path in the package; None where it is of the whole package.
        message: what is wrong.
        hint: what to do about it.
    """

    rule: str
    severity: Severity
    package: str
    file: str | None
    message: str
    hint: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Audit:
    """The answer about a package, a channel or a pack.

    Attributes:
        findings: by package and file, in their order.
        packages: names of what was looked at.
        libraries: how many shared libraries were.
        runtimes: names of the runtimes that they were held against.
        notes: what could not be checked, and why.
    """

    findings: tuple[Finding, ...]
    packages: tuple[str, ...]
    libraries: int
    runtimes: tuple[str, ...]
    notes: tuple[str, ...]

    def __bool__(self) -> bool:
        """Whether there is no error."""
        return self.count("error") == 0

    def count(self, severity: Severity) -> int:
        """How many findings are of that severity."""
        return sum(finding.severity == severity for finding in self.findings)
