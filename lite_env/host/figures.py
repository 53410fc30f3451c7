"""What a start has cost, and how it came about."""

from __future__ import annotations

import msgspec


class SnapshotFigures(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether the start was a restore from a snapshot.

    Attributes:
        seconds: after which the kernel was there; None where it was started plainly.
        why: it was; empty where it was not.
        possible: whether kernels of this kind can be restored.
        shipped: whether the pack has brought the snapshot that it was made of.
    """

    seconds: float | None
    why: str
    possible: bool
    shipped: bool = False


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
