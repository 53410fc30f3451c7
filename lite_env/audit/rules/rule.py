"""What a rule is to the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from lite_env.audit.model import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from lite_env.audit.contents import Contents
    from lite_env.audit.model import Severity
    from lite_env.audit.subject import Subject

Need: TypeAlias = Literal["runtime", "libraries", "package"]
"""What a rule cannot do without: a runtime, the libraries of other packages, the package file itself."""

_SHOWN = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """What a rule says of a package; whose it is, is added.

    Attributes:
        file: None where it is of the whole package.
        message, hint, severity: as in `Finding`.
    """

    message: str
    hint: str
    file: str | None = None
    severity: Severity = "error"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One thing that packages are checked for.

    Attributes:
        id: what it is called in findings and in ``docs/audit.md``.
        checks: what it looks at, in words that go on after "not checked: ".
        find: what is wrong with a package.
        needs: what it finds nothing without.
    """

    id: str
    checks: str
    find: Callable[[Subject], Iterable[Fault]]
    needs: frozenset[Need] = frozenset()

    def findings(self, subject: Subject) -> Iterator[Finding]:
        """What it finds; nothing where it lacks what it needs."""
        if self.needs & lacking(subject):
            return
        for fault in self.find(subject):
            yield Finding(
                rule=self.id,
                severity=fault.severity,
                package=subject.contents.label,
                file=fault.file,
                message=fault.message,
                hint=fault.hint,
            )


def lacking(subject: Subject) -> frozenset[Need]:
    """What is not known of a package."""
    lacks: set[Need] = set()
    if subject.runtime is None:
        lacks.add("runtime")
    if subject.libraries is None:
        lacks.add("libraries")
    if not subject.contents.complete:
        lacks.add("package")
    return frozenset(lacks)


def some(names: Iterable[str]) -> str:
    """Names for a message: a few of them in quotation marks, and how many more there are."""
    known = list(names)
    shown = ", ".join(f"'{name}'" for name in known[:_SHOWN])
    return f"{shown} and {len(known) - _SHOWN:,} more" if len(known) > _SHOWN else shown


def has_libraries(contents: Contents) -> bool:
    """Whether a package has any shared library of WebAssembly."""
    return any(binary.form == "WebAssembly" for binary in contents.libraries)
