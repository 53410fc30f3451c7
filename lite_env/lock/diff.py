"""What changed between two locks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lite_env.lock.model import LockedPackage


@dataclass(frozen=True, kw_only=True, slots=True)
class LockDiff:
    """Packages that came, went, or are another file than before; each part sorted by name."""

    added: tuple[LockedPackage, ...]
    removed: tuple[LockedPackage, ...]
    changed: tuple[tuple[LockedPackage, LockedPackage], ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)

    def lines(self) -> tuple[str, ...]:
        """One line a package: ``+ name version build``, ``- …``, ``~ name old → new``."""
        changed = [(new.name, f"~ {new.name} {_from_to(old, new)}") for old, new in self.changed]
        added = [(package.name, f"+ {package.name} {package.version} {package.build}") for package in self.added]
        removed = [(package.name, f"- {package.name} {package.version} {package.build}") for package in self.removed]
        return tuple(line for _, line in sorted(changed + added + removed))

    def summary(self) -> str:
        """``2 added, 1 removed, 3 changed``, without what is zero."""
        parts = ((len(self.added), "added"), (len(self.removed), "removed"), (len(self.changed), "changed"))
        return ", ".join(f"{count} {what}" for count, what in parts if count) or "nothing changed"


def diff_packages(before: Sequence[LockedPackage], after: Sequence[LockedPackage]) -> LockDiff:
    """Compare by name; two packages are the same when subdir, file name and sha256 are."""
    old = {package.name: package for package in before}
    new = {package.name: package for package in after}
    return LockDiff(
        added=tuple(new[name] for name in sorted(new.keys() - old.keys())),
        removed=tuple(old[name] for name in sorted(old.keys() - new.keys())),
        changed=tuple(
            (old[name], new[name])
            for name in sorted(old.keys() & new.keys())
            if _identity(old[name]) != _identity(new[name])
        ),
    )


def _identity(package: LockedPackage) -> tuple[str, str, str]:
    return (package.subdir, package.file_name, package.sha256)


def _from_to(old: LockedPackage, new: LockedPackage) -> str:
    if old.version != new.version:
        return f"{old.version} → {new.version}"
    if old.build != new.build:
        return f"{old.version} {old.build} → {new.build}"
    return f"{old.version} {old.build}: built anew, {old.sha256[:8]} → {new.sha256[:8]}"
