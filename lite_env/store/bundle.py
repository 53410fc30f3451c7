"""A store as one file, for whatever carries files from one machine to another: a tar of its files, in zstd.

A member is a file of the store in the form of `lite_env.store.form`, named by its place there; its time is that of its
last use. Nothing in a bundle is trusted: what is no whole file of a store ends the import.
"""

from __future__ import annotations

import tarfile
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import zstandard

from lite_env.errors import StoreError
from lite_env.progress import SILENT
from lite_env.store.atomic import new_file
from lite_env.store.form import digest_at, is_whole, place_of
from lite_env.store.local import TOUCH_AFTER
from lite_env.store.protocol import Entry, Record
from lite_env.store.refusals import refusal
from lite_env.store.text import shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lite_env.progress import Reporter
    from lite_env.store.local import LocalStore

_LEVEL = 3  # most of it is compressed already
_MODE = 0o644
_MOST = 4 << 30  # bytes of one member
_HINT = "was it written by `lite-env cache export`, and copied whole?"


@dataclass(frozen=True, kw_only=True, slots=True)
class Carried:
    """What was written to a bundle, or taken from one.

    Attributes:
        entries, records: how many.
        size: their bytes.
    """

    entries: int
    records: int
    size: int


def export_store(
    store: LocalStore, bundle: Path, *, used_within: float | None = None, reporter: Reporter = SILENT
) -> Carried:
    """Write what `store` keeps to the file `bundle`, in the order of its places.

    Args:
        store: whose.
        bundle: the file, which is replaced in one step.
        used_within: only what was used in the last so many seconds, and an hour, to which that is known.
        reporter: told of bytes.

    Raises:
        StoreError: it cannot be written.
    """
    oldest = float("-inf") if used_within is None else store.clock() - used_within - TOUCH_AFTER
    every: list[Entry | Record] = [*store.entries(), *store.records()]
    items = [item for item in every if item.used >= oldest]
    entries = records = size = 0
    try:
        with (
            reporter.task(f"writing {bundle.name}", sum(item.size for item in items), "B") as task,
            new_file(bundle) as stream,
            zstandard.ZstdCompressor(level=_LEVEL).stream_writer(stream, closefd=False) as packed,
            tarfile.open(fileobj=packed, mode="w|", format=tarfile.USTAR_FORMAT) as tar,
        ):
            for item in items:
                file = store.file_of(item)
                place = place_of(item)
                # Another process may have removed it, or the disk have damaged it.
                if file is not None and is_whole(place, file):
                    tar.addfile(_member(place, len(file), item.used), BytesIO(file))
                    entries, records = entries + isinstance(item, Entry), records + isinstance(item, Record)
                    size += len(file)
                task.advance(item.size)
    except OSError as error:
        raise refusal(StoreError, "the cache cannot be exported", error, file=bundle) from error
    return Carried(entries=entries, records=records, size=size)


def _member(place: str, size: int, used: float) -> tarfile.TarInfo:
    member = tarfile.TarInfo(place)
    member.size, member.mtime, member.mode = size, int(used), _MODE
    return member


def import_store(store: LocalStore, bundle: Path, *, records_too: bool = True, reporter: Reporter = SILENT) -> Carried:
    """Put what the file `bundle` holds into `store`; what is there already stays.

    Args:
        store: where.
        bundle: of `export_store`.
        records_too: whether to believe the bundle what came of which work. Without it only contents are taken, which
            are used where somebody else vouches for them, as locks do for packages.
        reporter: told of bytes of the bundle.

    Raises:
        StoreError: it cannot be read, or is no bundle, or not a whole one; what came before stays.
    """
    entries = records = size = 0
    try:
        with _members(bundle, reporter) as members:
            for place, file, used in members:
                is_entry = digest_at(place) is not None
                if is_entry or records_too:
                    # What was used in another time was not used in this one.
                    store.adopt(place, file, min(used, store.clock()))
                    entries, records = entries + is_entry, records + (not is_entry)
                    size += len(file)
    except OSError as error:
        raise refusal(StoreError, "the cache cannot be imported", error, file=bundle) from error
    return Carried(entries=entries, records=records, size=size)


@contextmanager
def _members(bundle: Path, reporter: Reporter) -> Iterator[Iterator[tuple[str, bytes, float]]]:
    with bundle.open("rb") as stream, reporter.task(f"reading {bundle.name}", bundle.stat().st_size, "B") as task:

        def members() -> Iterator[tuple[str, bytes, float]]:
            at = 0
            try:
                with (
                    zstandard.ZstdDecompressor().stream_reader(stream, closefd=False) as raw,
                    tarfile.open(fileobj=raw, mode="r|") as tar,
                ):
                    for member in tar:
                        yield member.name, _body(tar, member), max(int(member.mtime), 0)
                        task.advance(stream.tell() - at)
                        at = stream.tell()
            except (tarfile.TarError, zstandard.ZstdError, EOFError, ArithmeticError, ValueError) as error:
                raise StoreError(f"no whole bundle of a cache: {error}", hint=_HINT, file=str(bundle)) from error

        yield members()


def _body(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    """A member's bytes, if a store may have them at that place.

    Raises:
        ValueError: it may not.
    """
    file = tar.extractfile(member) if member.isreg() and 0 <= member.size <= _MOST else None
    body = file.read() if file is not None else b""
    if not is_whole(member.name, body):
        raise ValueError(f"{shown(member.name)!r} is no file of a store, or damaged")
    return body
