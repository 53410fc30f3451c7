"""How many kernels this machine can run at once: bounded by its cores and by the memory that is free.

Reads what the system and the control groups (Linux containers, batch systems) allow at this moment.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

KERNEL_MEMORY = 700_000_000
"""Bytes that one kernel is reckoned with; the highest that were measured: 260 MB to start Python, 340 with numpy, 680
to compile a thousand modules at once."""

_CGROUPS = Path("/sys/fs/cgroup")
_MEMORY_FILES = (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes"))
_KIBIBYTE = 1024


def kernels_at_once(jobs: int | None = None) -> int:
    """How many kernels to run at once, at least one.

    Args:
        jobs: what the user asked for, which is taken as it is; None for what cores and memory allow.
    """
    if jobs is not None:
        return max(jobs, 1)
    free = available_memory()
    fitting = cores() if free is None else free // KERNEL_MEMORY
    return max(min(cores(), fitting), 1)


def cores() -> int:
    """Cores that this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def available_memory(root: Path = Path("/")) -> int | None:
    """Bytes that programs can still take, in the system and in each control group around this process; None if unknown.

    Args:
        root: of the file system that tells it.
    """
    known = [_meminfo(root), *_group_limits(root)]
    return min((size for size in known if size is not None), default=_half_of_all())


def _meminfo(root: Path) -> int | None:
    for line in _text(root / "proc/meminfo").splitlines():
        name, _, rest = line.partition(":")
        if name == "MemAvailable":
            return int(rest.split()[0]) * _KIBIBYTE
    return None


def _group_limits(root: Path) -> list[int]:
    """What is left below the limits of this process's control groups, the outer ones included."""
    left: list[int] = []
    base = root / _CGROUPS.relative_to("/")
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        top = base / "memory" if controllers else base
        inner = path.strip("/")
        # In a container the path is the host's, and what lies at the top is the container's own group.
        groups = [top / inner, *(top / inner).parents] if inner else [top]
        for group in (group for group in groups if group == top or top in group.parents):
            for limit, used in _MEMORY_FILES:
                most, taken = _text(group / limit).strip(), _text(group / used).strip()
                if most.isdecimal() and taken.isdecimal():
                    left.append(max(int(most) - int(taken) + _reclaimable(group), 0))
    return left


def _reclaimable(group: Path) -> int:
    """Bytes of files in memory that a group would give up first: they count as used, but keep nobody from memory."""
    for line in _text(group / "memory.stat").splitlines():
        name, _, size = line.partition(" ")
        if name in ("inactive_file", "total_inactive_file") and size.isdecimal():
            return int(size)
    return 0


def _half_of_all() -> int | None:
    """Half of the memory, where the system only tells how much there is in all."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    except (AttributeError, ValueError, OSError):
        return None


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace")
    except OSError:
        return ""
