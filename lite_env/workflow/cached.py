"""What the cache folder holds besides the store: what was unpacked or installed from it, and what other tools keep."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from lite_env.lock.fetch import PACKAGES_LOCK
from lite_env.prefix.tree import walk
from lite_env.store.local import open_store
from lite_env.store.location import cache_directory
from lite_env.store.removal import remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

PACKAGES, PREFIXES, PREVIOUS, WHEELS = "packages", "prefixes", "previous", "wheels"
SNAPSHOTS = "snapshots"

_OTHERS = ("builds", "downloads", "repodata", "toolchain", "uv")
_UNPACKED = (PACKAGES, PREFIXES, PREVIOUS, WHEELS)
# A snapshot, when it was used, and who is about to use it; see `src/snapshot/shelf.ts` of the runtime.
_SNAPSHOT, _USED, _TRIED, _UNFINISHED = ".snapshot", ".used", ".tried", ".tmp"
_IN_USE = 600.0
"""Seconds: longer than between a wheel's being looked for and its being installed."""
_MEANING = {
    PACKAGES: "packages as rattler unpacked them",
    PREFIXES: "installed environments",
    PREVIOUS: "what builds of sites that were killed have left",
    SNAPSHOTS: "started kernels, from which the next start is restored",
    WHEELS: "wheels under their names",
    "builds": "builds of recipes that were interrupted",
    "downloads": "downloads that were interrupted",
    "repodata": "package lists of channels",
    "toolchain": "what recipes are built by",
    "uv": "uv's own cache",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A part of the cache.

    Attributes:
        name: the store's kind of content, or a folder.
        meaning: for people; empty for a part of the store.
        items: how many.
        size: bytes.
        used: when the youngest of it was last used, in seconds since 1970; None where it is empty.
    """

    name: str
    meaning: str
    items: int
    size: int
    used: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Unpacked:
    """A folder that can be made again out of the store, or a snapshot that the next start makes again.

    Attributes:
        path: of it.
        size: bytes of its files.
        used: when it was made, or an environment last used, in seconds since 1970.
    """

    path: Path
    size: int
    used: float


def describe_cache() -> tuple[Part, ...]:
    """What there is: the store by kind of content, then the folders beside it."""
    store = open_store()
    found: dict[str, list[tuple[int, float]]] = {}
    for entry in store.entries():
        found.setdefault(entry.kind, []).append((entry.size, entry.used))
    for record in store.records():
        found.setdefault("records", []).append((record.size, record.used))
    parts = [_part(name, "", found[name]) for name in sorted(found)]
    beside = {name: [(item.size, item.used) for item in _unpacked_in(name)] for name in _UNPACKED}
    beside |= {name: list(_files(cache_directory(name))) for name in _OTHERS}
    beside[SNAPSHOTS] = [(item.size, item.used) for item in _snapshots()]
    parts += [_part(name, _MEANING[name], items) for name, items in beside.items()]
    return tuple(part for part in parts if part.items)


def unpacked() -> tuple[Unpacked, ...]:
    """All that was unpacked or installed, and snapshots."""
    return (*(item for name in _UNPACKED for item in _unpacked_in(name)), *_snapshots())


def forget_unpacked(items: Iterable[Unpacked]) -> tuple[Unpacked, ...]:
    """Remove `items`; those that went, which are all but what another process uses at the moment."""
    return tuple(item for item in items if _forget(item.path))


def _forget(path: Path) -> bool:
    if path.parent.name == SNAPSHOTS:
        return _forget_snapshot(path)
    if path.parent.name == PREFIXES:
        return _held(path.with_name(f"{path.name}.lock"), path, path.with_name(f"{path.name}.seal"))
    if path.parent.name == PACKAGES:
        return _held(path.with_name(PACKAGES_LOCK), path, path.with_name(f"{path.name}.lock"))
    if path.parent.name == PREVIOUS:
        lock = path.with_name(f"{path.name}.lock")
        is_free = _held(lock, path, path.with_name(f"{path.name}.seal"))
        if is_free:
            # No other run has a folder of this name.
            lock.unlink(missing_ok=True)
        return is_free
    # Wheels are held by nobody: one that was just looked for is being installed.
    if time.time() - _used(path) < _IN_USE:
        return False
    remove_tree(path)
    return True


def _forget_snapshot(path: Path) -> bool:
    """Remove a snapshot with its notes: a kernel that is being restored has read it, or starts plainly."""
    if path.suffix == _UNFINISHED and time.time() - path.stat().st_mtime < _IN_USE:
        return False
    path.unlink(missing_ok=True)
    for note in (path.with_suffix(_USED), *path.parent.glob(f"{path.stem}~*{_TRIED}")):
        note.unlink(missing_ok=True)
    return True


def _held(lock: Path, folder: Path, note: Path) -> bool:
    """Remove a folder, and what is noted of it, while nobody else may use it."""
    try:
        with FileLock(lock, timeout=0):
            note.unlink(missing_ok=True)
            remove_tree(folder)
    except (Timeout, OSError):
        return False
    return True


def _unpacked_in(name: str) -> Iterator[Unpacked]:
    root = cache_directory(name)
    # Wheels lie by the first letters of their hashes.
    for folder in sorted(root.glob("??/*" if name == WHEELS else "*")):
        if folder.is_dir() and not folder.name.startswith("."):
            with suppress(OSError):
                size = sum(size for size, _ in _files(folder))
                yield Unpacked(path=folder, size=size, used=_used(folder))


def _snapshots() -> Iterator[Unpacked]:
    """Snapshots, and what processes that were killed have left of some."""
    for path in sorted(cache_directory(SNAPSHOTS).glob("*")):
        if path.suffix in {_SNAPSHOT, _UNFINISHED}:
            with suppress(OSError):
                status, note = path.stat(), path.with_suffix(_USED)
                used = note.stat().st_mtime if note.exists() else 0.0
                yield Unpacked(path=path, size=status.st_size, used=max(status.st_mtime, used))


def _used(folder: Path) -> float:
    seal = folder.with_name(f"{folder.name}.seal")
    return (seal if seal.is_file() else folder).stat().st_mtime


def _files(folder: Path) -> Iterator[tuple[int, float]]:
    """Size and time of each file below `folder`."""
    if folder.is_dir():
        for _, entry in walk(folder):
            with suppress(OSError):
                if entry.is_file(follow_symlinks=False):
                    status = entry.stat(follow_symlinks=False)
                    yield status.st_size, status.st_mtime


def _part(name: str, meaning: str, items: list[tuple[int, float]]) -> Part:
    return Part(
        name=name,
        meaning=meaning,
        items=len(items),
        size=sum(size for size, _ in items),
        used=max((used for _, used in items), default=None),
    )
