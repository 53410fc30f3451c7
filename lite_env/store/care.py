"""What keeps a store small and sound: what was not used for long goes, and what is damaged is told."""

from __future__ import annotations

import stat
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lite_env.progress import SILENT
from lite_env.store.atomic import is_unfinished, remove_unfinished
from lite_env.store.form import CONTENT, DONE, is_whole
from lite_env.store.protocol import Entry, Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from lite_env.progress import Reporter
    from lite_env.store.local import LocalStore


class Aged(Protocol):
    """What takes room, and was used at some time."""

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def used(self) -> float:
        """When it was last used, in seconds since 1970."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pruned:
    """What goes from a cache.

    Attributes:
        entries, records: of the store.
        others: what lies beside it.
        kept: bytes that stay.
    """

    entries: tuple[Entry, ...]
    records: tuple[Record, ...]
    others: tuple[Aged, ...]
    kept: int

    @property
    def size(self) -> int:
        """Bytes that go."""
        items: list[Aged] = [*self.entries, *self.records, *self.others]
        return sum(item.size for item in items)


def plan_prune(
    store: LocalStore, others: Iterable[Aged] = (), *, older_than: float | None = None, max_size: int | None = None
) -> Pruned:
    """Decide what goes; a record goes with the bytes that it names.

    Args:
        store: whose content may go.
        others: what lies beside it, and counts as well.
        older_than: goes what was not used for so many seconds, known to the hour.
        max_size: then goes what was used longest ago, until no more than these bytes stay.
    """
    every: list[Aged] = [*store.entries(), *store.records(), *others]
    items = sorted(every, key=lambda item: item.used)
    oldest = float("-inf") if older_than is None else store.clock() - older_than
    total = sum(item.size for item in items)
    gone: list[Aged] = []
    for item in items:
        if item.used < oldest or (max_size is not None and total > max_size):
            gone.append(item)
            total -= item.size
    entries = tuple(item for item in gone if isinstance(item, Entry))
    records = {item.key: item for item in gone if isinstance(item, Record)}
    stay = {item.digest for item in items if isinstance(item, Entry)} - {entry.digest for entry in entries}
    for item in items:
        if isinstance(item, Record) and item.key not in records:
            results = store.look_up(item.key)
            if results is None or not stay.issuperset(results.values()):
                records[item.key] = item
                total -= item.size
    beside = tuple(item for item in gone if not isinstance(item, Entry | Record))
    return Pruned(entries=entries, records=tuple(records.values()), others=beside, kept=total)


def prune(store: LocalStore, pruned: Pruned) -> None:
    """Remove from `store` what is to go, and what killed processes left; others that use it miss nothing else."""
    for record in pruned.records:
        store.forget(record)
    for entry in pruned.entries:
        store.forget(entry)
    for part in (CONTENT, DONE):
        for folder in (store.directory / part).glob("**"):
            remove_unfinished(folder)


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """What a look at every byte came to.

    Attributes:
        whole: how many contents and records are whole.
        size: their bytes.
        damaged: places of those that were not, which are removed.
    """

    whole: int
    size: int
    damaged: tuple[str, ...]


def verify(store: LocalStore, *, reporter: Reporter = SILENT) -> Verified:
    """Read everything in `store`, and remove what is damaged; when things were last used stays as it is."""
    sizes = dict(sorted(_sizes(store)))
    damaged: list[str] = []
    whole = size = 0
    with reporter.task("verifying", sum(sizes.values()), "B") as task:
        for path, told in sizes.items():
            task.advance(told)
            try:
                file = path.read_bytes()
            except FileNotFoundError:
                continue  # another process has removed it
            place = path.relative_to(store.directory).as_posix()
            if is_whole(place, file):
                whole, size = whole + 1, size + len(file)
            elif not is_unfinished(path.name):
                damaged.append(place)
                path.unlink(missing_ok=True)
    return Verified(whole=whole, size=size, damaged=tuple(damaged))


def _sizes(store: LocalStore) -> Iterator[tuple[Path, int]]:
    for part in (CONTENT, DONE):
        for path in (store.directory / part).rglob("*"):
            with suppress(FileNotFoundError):
                status = path.stat()
                if stat.S_ISREG(status.st_mode):
                    yield path, status.st_size
