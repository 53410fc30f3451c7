"""What a plan says of a pack, as a value that is kept, and printed as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

# msgspec reads the fields' types when a report is read.
from lite_env.pack.selection import DroppedFile  # noqa: TC001

if TYPE_CHECKING:
    from lite_env.pack.plan import PackPlan


class ArchiveReport(msgspec.Struct, frozen=True, kw_only=True):
    """One archive: see `ArchivePlan`; `files` are the paths of its entries."""

    packages: dict[str, int]
    kind: str
    load: str
    raw_size: int
    files: tuple[str, ...]


class PackReport(msgspec.Struct, frozen=True, kw_only=True):
    """A pack, as it was planned; sizes in bytes.

    Attributes:
        name: of the environment.
        lock_digest: see the manifest.
        packages: how many.
        kernels: their names.
        level: of zstd.
        files: how many files and links, the kernels' binaries included.
        raw_size: of all of them.
        archives: in the order of the manifest.
        dropped: sorted by path.
        warnings: what is probably a mistake.
    """

    name: str
    lock_digest: str
    packages: int
    kernels: tuple[str, ...]
    level: int
    files: int
    raw_size: int
    archives: tuple[ArchiveReport, ...]
    dropped: tuple[DroppedFile, ...]
    warnings: tuple[str, ...]


def report_of(plan: PackPlan) -> PackReport:
    """What `plan` says."""
    return PackReport(
        name=plan.environment.name,
        lock_digest=plan.environment.lock_digest,
        packages=len(plan.environment.packages),
        kernels=tuple(kernel.name for kernel in plan.kernels),
        level=plan.level,
        files=plan.file_count + len(plan.kernel_files),
        raw_size=plan.raw_size,
        archives=tuple(
            ArchiveReport(
                packages=dict(archive.packages),
                kind=archive.kind,
                load=archive.load,
                raw_size=archive.raw_size,
                files=tuple(entry.path for entry in archive.entries),
            )
            for archive in plan.archives
        ),
        dropped=plan.dropped,
        warnings=plan.warnings,
    )
