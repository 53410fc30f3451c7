"""How to pack: one value from the command line, or whoever calls, down to each step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lite_env.pack.plan import DEFAULT_LEVEL
from lite_env.workflow.lock import LockPolicy

if TYPE_CHECKING:
    from pathlib import Path

    from lite_env.pack.layout import Order
    from lite_env.pack.mounts import Mount


@dataclass(frozen=True, kw_only=True, slots=True)
class PackOptions:
    """How to pack.

    Attributes:
        name: of the environment; None for what the source says.
        level: of zstd, 1 to 22.
        filter_files: users' rules, added to the default ones and to those of a ``pyproject.toml`` beside the source.
        bytecode: whether to pack modules compiled; needs a Node.js.
        debug_ranges: whether bytecode knows the columns of its source, and not its lines alone.
        trace: whether to trace what is opened; needs a Node.js.
        profile: a profile to follow instead of tracing.
        workloads: users' programs to trace, added to those of a ``pyproject.toml`` beside the source.
        order: whether what was traced lies together (``fused``) or cut by packages (``packages``).
        check: whether each kernel must start from the pack, before anything takes the place of what stands there; needs
            a Node.js. Without it a kernel that does not start is a warning.
        jobs: kernels at once; None for what cores and memory allow.
        locking: what may happen to the lock beside an environment file.
        offline: open no connection.
        snapshot: whether the pack brings a copy of each started kernel, from which it is restored; needs a Node.js.
        environment: which one of a lock of pixi; None for ``default``, or the only one.
        mounts: files of this machine that are packed besides.
    """

    name: str | None = None
    level: int = DEFAULT_LEVEL
    filter_files: tuple[Path, ...] = ()
    bytecode: bool = True
    debug_ranges: bool = False
    trace: bool = True
    profile: Path | None = None
    workloads: tuple[Path, ...] = ()
    order: Order = "fused"
    check: bool = True
    jobs: int | None = None
    locking: LockPolicy = LockPolicy.UPDATE
    offline: bool = False
    mounts: tuple[Mount, ...] = ()
    environment: str | None = None
    snapshot: bool = False
