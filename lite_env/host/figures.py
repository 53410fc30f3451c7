"""What a start has cost, and how it came about."""

from __future__ import annotations

import msgspec


class PreloadFigures(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What has become of the modules that a snapshot is to have imported.

    Attributes:
        modules: their names.
        done: whether the kernel has come with them.
        why: no kernel does; empty where one may yet.
    """

    modules: tuple[str, ...] = ()
    done: bool = False
    why: str = ""


class SnapshotFigures(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether the start was a restore from a snapshot.

    Attributes:
        seconds: after which the kernel was there; None where it was started plainly.
        why: it was; empty where it was not.
        possible: whether kernels of this kind can be restored.
        preload: what has become of the modules that it is to have imported.
        shipped: whether the pack has brought the snapshot that it was made of.
    """

    seconds: float | None
    why: str
    possible: bool
    preload: PreloadFigures = PreloadFigures()
    shipped: bool = False

    @property
    def wanted(self) -> bool:
        """Whether the next start could have more than this one had."""
        modules = self.preload.modules and not self.preload.done and not self.preload.why
        return self.possible and (self.seconds is None or bool(modules))


class Figures(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the start (or everything so far) has cost.

    Attributes:
        requests: files asked for.
        bytes: of them, as they are in the pack (compressed).
        files: of the environment, filled so far.
        seconds: from the first envelope until the kernel was ready.
        snapshot: where snapshots are used.
    """

    requests: int
    bytes: int
    files: int
    seconds: float
    snapshot: SnapshotFigures | None = None
