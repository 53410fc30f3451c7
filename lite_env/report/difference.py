"""What changed between two locks or packs, or since the report of an earlier one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from lite_env.spec.matchspec import name_of

if TYPE_CHECKING:
    from lite_env.report.model import ArchiveSize, PackageSize, SizeReport


@dataclass(frozen=True, kw_only=True, slots=True)
class PackageChange:
    """One package before and after; None where it is not there.

    Attributes:
        change: bytes that it became larger by: of the package files between two locks, of what is packed between two
            packs; None where that is not known.
    """

    old: PackageSize | None
    new: PackageSize | None
    change: int | None

    @property
    def name(self) -> str:
        """Of the package."""
        package = self.new or self.old
        return package.name if package is not None else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """A figure before and after; None where there is none. `unit` is ``B`` for bytes, else what is counted."""

    what: str
    unit: str
    old: int | None
    new: int | None

    @property
    def change(self) -> int | None:
        """How much larger it became; None where that is not known."""
        return None if self.old is None or self.new is None else self.new - self.old


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """What changed.

    Attributes:
        old, new: what is compared.
        asked, dropped: what is asked for now and was not, and the reverse; both sorted.
        added, removed, changed: packages that came, went, or are another file than before; by name.
        resized: packages of which the same file takes another size in the pack, those that changed most first.
        measures: figures of the whole.
        imports: what the imports of traced modules load, where it changed.
        archives: of two packs, those of the new one that the old one has not: what a visitor loads anew.

    It is true where anything of this is so.
    """

    old: SizeReport
    new: SizeReport
    asked: tuple[str, ...]
    dropped: tuple[str, ...]
    added: tuple[PackageChange, ...]
    removed: tuple[PackageChange, ...]
    changed: tuple[PackageChange, ...]
    resized: tuple[PackageChange, ...]
    measures: tuple[Measure, ...]
    imports: tuple[Measure, ...]
    archives: tuple[ArchiveSize, ...] | None

    def __bool__(self) -> bool:
        figures = any(measure.old != measure.new for measure in (*self.measures, *self.imports))
        packages = self.added or self.removed or self.changed or self.resized
        return bool(packages or self.asked or self.dropped or self.archives or figures)

    @property
    def packages(self) -> tuple[PackageChange, ...]:
        """Packages that came, went or are another file, by name."""
        return tuple(sorted((*self.added, *self.removed, *self.changed), key=lambda change: change.name))

    def summary(self) -> str:
        """``2 added, 1 removed, 3 changed``, without what is zero."""
        parts = ((len(self.added), "added"), (len(self.removed), "removed"), (len(self.changed), "changed"))
        return ", ".join(f"{count} {what}" for count, what in parts if count) or "the same packages"


def compare(old: SizeReport, new: SizeReport) -> Difference:
    """What changed from `old` to `new`."""
    before = {package.name: package for package in old.packages}
    after = {package.name: package for package in new.packages}
    both = [_change(before[name], after[name], old, new) for name in sorted(before.keys() & after.keys())]
    same = [_is_same(change.old, change.new, mixed=old.kind != new.kind) for change in both]
    kept = (change for change, equal in zip(both, same, strict=True) if equal and change.change)
    packs = old.kind == new.kind == "pack"
    known = {archive.digest for archive in old.archives}
    return Difference(
        old=old,
        new=new,
        asked=_asked(new, old),
        dropped=_asked(old, new),
        added=tuple(_change(None, after[name], old, new) for name in sorted(after.keys() - before.keys())),
        removed=tuple(_change(before[name], None, old, new) for name in sorted(before.keys() - after.keys())),
        changed=tuple(change for change, equal in zip(both, same, strict=True) if not equal),
        resized=tuple(sorted(kept, key=lambda change: (-abs(change.change or 0), change.name))),
        measures=tuple(_measures(old, new)),
        imports=tuple(_imports(old, new)) if packs else (),
        archives=tuple(archive for archive in new.archives if archive.digest not in known) if packs else None,
    )


def _asked(these: SizeReport, others: SizeReport) -> tuple[str, ...]:
    """What is asked for in `these` and not in `others`."""
    if these.kind == others.kind:
        return tuple(sorted(set(these.requested) - set(others.requested)))
    # Of a wheel a pack tells the name alone that was asked for.
    known = set(map(name_of, others.requested))
    return tuple(sorted(spec for spec in set(these.requested) if name_of(spec) not in known))


def _change(old: PackageSize | None, new: PackageSize | None, before: SizeReport, after: SizeReport) -> PackageChange:
    if before.kind != after.kind:
        return PackageChange(old=old, new=new, change=None)
    name = "download" if after.kind == "lock" else "packed"
    sizes = [0 if package is None else getattr(package, name) for package in (old, new)]
    return PackageChange(old=old, new=new, change=None if None in sizes else sizes[1] - sizes[0])


def _is_same(old: PackageSize | None, new: PackageSize | None, *, mixed: bool) -> bool:
    """Whether two packages are one file."""
    if old is None or new is None or (old.subdir, old.file_name) != (new.subdir, new.file_name):
        return False
    # Of a wheel a pack may know no file's hash but that of its RECORD; and some installers record none.
    unknown = old.sha256 is None or new.sha256 is None or (mixed and new.manager == "wheel")
    return unknown or old.sha256 == new.sha256


def _measures(old: SizeReport, new: SizeReport) -> list[Measure]:
    measures = [Measure(what="packages", unit="packages", old=len(old.packages), new=len(new.packages))]
    if "lock" in (old.kind, new.kind):
        if old.kind == new.kind:
            measures.append(Measure(what="package files", unit="B", old=old.download, new=new.download))
        return measures
    before = {kernel.name: kernel for kernel in old.kernels}
    after = {kernel.name: kernel for kernel in new.kernels}
    # A start that was not traced loads more than is known.
    for name in (*after, *sorted(before.keys() - after.keys())):
        pair = [
            kernel if kernel is not None and kernel.traced else None for kernel in (before.get(name), after.get(name))
        ]
        sizes = [kernel.size if kernel is not None else None for kernel in pair]
        counts = [len(kernel.files) if kernel is not None else None for kernel in pair]
        measures.append(Measure(what=f"before the first cell of {name}", unit="B", old=sizes[0], new=sizes[1]))
        requests = f"requests before the first cell of {name}"
        measures.append(Measure(what=requests, unit="requests", old=counts[0], new=counts[1]))
    return [
        *measures,
        Measure(what="packed", unit="B", old=old.packed, new=new.packed),
        Measure(what="unpacked", unit="B", old=old.size, new=new.size),
        Measure(what="files", unit="files", old=len(old.files), new=len(new.files)),
    ]


def _imports(old: SizeReport, new: SizeReport) -> list[Measure]:
    before = {cost.module: cost.packed for cost in old.imports}
    after = {cost.module: cost.packed for cost in new.imports}
    changed = [name for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name)]
    return [Measure(what=f"import {name}", unit="B", old=before.get(name), new=after.get(name)) for name in changed]


def difference_as_json(difference: Difference) -> dict[str, Any]:
    """What changed as JSON values; sizes in bytes."""
    old, new, archives = difference.old, difference.new, difference.archives
    return {
        "differs": bool(difference),
        "summary": difference.summary(),
        "old": {"kind": old.kind, "name": old.name, "lock_digest": old.lock_digest},
        "new": {"kind": new.kind, "name": new.name, "lock_digest": new.lock_digest},
        "asked": list(difference.asked),
        "no_longer_asked": list(difference.dropped),
        "added": [_changed(change) for change in difference.added],
        "removed": [_changed(change) for change in difference.removed],
        "changed": [_changed(change) for change in difference.changed],
        "resized": [_changed(change) for change in difference.resized],
        "measures": [_measured(measure) for measure in difference.measures],
        "imports": [_measured(measure) for measure in difference.imports],
        "new_archives": None if archives is None else {"count": len(archives), "size": sum(a.packed for a in archives)},
    }


def _changed(change: PackageChange) -> dict[str, Any]:
    return {
        "name": change.name,
        "old": None if change.old is None else msgspec.to_builtins(change.old),
        "new": None if change.new is None else msgspec.to_builtins(change.new),
        "change": change.change,
    }


def _measured(measure: Measure) -> dict[str, Any]:
    return {
        "what": measure.what,
        "unit": measure.unit,
        "old": measure.old,
        "new": measure.new,
        "change": measure.change,
    }
