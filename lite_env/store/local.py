"""The store in a folder of this machine: a file for each content, a file for each piece of work that was done.

Their form is `lite_env.store.form`'s. Every file appears whole, so processes need no lock among each other; each is
checked when it is read, and goes when it is damaged. When a file was last changed says when its content was last used.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from lite_env.store.atomic import write_bytes
from lite_env.store.digest import is_sha256, sha256_of_bytes
from lite_env.store.form import (
    CONTENT,
    DONE,
    LONGEST_HEAD,
    Head,
    checked_kind,
    content_file,
    content_place,
    done_place,
    head_of,
    key_at,
    place_of,
    read_content,
    read_record,
    record_file,
)
from lite_env.store.location import cache_directory
from lite_env.store.protocol import Entry, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from lite_env.store.protocol import Key

TOUCH_AFTER = 3600.0
"""Seconds: to know the hour of the last use is enough, and a read should not write."""


def open_store() -> LocalStore:
    """The user's store, below the cache folder."""
    return LocalStore(cache_directory("store"))


@dataclass(frozen=True, slots=True)
class LocalStore:
    """A store in a folder, which is made when the first content comes; safe for several processes at once.

    Attributes:
        directory: the folder.
        clock: tells seconds since 1970.
    """

    directory: Path
    clock: Callable[[], float] = time.time

    def read(self, digest: str) -> bytes | None:
        """The bytes with this SHA-256, checked as they are read; a damaged file goes."""
        found = self.find(digest)
        return None if found is None else found[1]

    def write(self, data: bytes, *, kind: str, vouched: bool = False) -> str:
        """Keep `data`, and return its SHA-256; a store that cannot be written is no reason to fail.

        Content that is there already stays of the kind that it was; it is vouched for once anybody says so.
        """
        head = Head(kind=checked_kind(kind), vouched=vouched)
        digest = sha256_of_bytes(data)
        found = self.find(digest)
        if found is None or (vouched and not found[0].vouched):
            kept = head if found is None else msgspec.structs.replace(found[0], vouched=True)
            with suppress(OSError):
                write_bytes(self._content(digest), content_file(kept, data))
            self._touch(self._content(digest))
        return digest

    def recall(self, key: Key) -> Mapping[str, str] | None:
        """What came of a piece of work: digests by name; None when it was not done here, or its record is damaged."""
        results = self.look_up(key)
        if results is not None:
            self._touch(self._done(key))
        return results

    def look_up(self, key: Key) -> Mapping[str, str] | None:
        """`recall` without using it."""
        path = self._done(key)
        file = _load(path)
        results = read_record(file) if file is not None else None
        if file is not None and results is None:
            _remove(path, file)
        return results

    def record(self, key: Key, results: Mapping[str, str]) -> None:
        """Note what came of a piece of work."""
        with suppress(OSError):
            write_bytes(self._done(key), record_file(results))

    def entries(self) -> Iterator[Entry]:
        """All bytes that are kept, in the order of their digests; their content is not checked."""
        for path in sorted((self.directory / CONTENT).glob("??/*")):
            if not is_sha256(path.name):
                continue
            try:
                with path.open("rb") as stream:
                    status = os.fstat(stream.fileno())
                    line = stream.readline(LONGEST_HEAD)
            except OSError:
                continue
            head = head_of(line)
            if head is not None:
                size = status.st_size - len(line)
                yield Entry(digest=path.name, kind=head.kind, size=size, used=status.st_mtime, vouched=head.vouched)

    def records(self) -> Iterator[Record]:
        """All pieces of work whose records are here, in the order of their places; what they say is not checked."""
        for path in sorted((self.directory / DONE).glob("*/??/*")):
            key = key_at(path.relative_to(self.directory).as_posix())
            if key is not None:
                with suppress(OSError):
                    status = path.stat()
                    yield Record(key=key, size=status.st_size, used=status.st_mtime)

    def find(self, digest: str) -> tuple[Head, bytes] | None:
        """The bytes with this SHA-256 and what is known of them; checked, and a damaged file goes."""
        if not is_sha256(digest):
            return None
        path = self._content(digest)
        file = _load(path)
        if file is None:
            return None
        found = read_content(file, digest)
        if found is None:
            _remove(path, file)
        else:
            self._touch(path)
        return found

    def file_of(self, what: Entry | Record) -> bytes | None:
        """The file that holds bytes or a record, as it is; None when it has gone."""
        return _load(self.directory / place_of(what))

    def adopt(self, place: str, file: bytes, used: float) -> None:
        """Put a store's `file`, found whole, at its `place`, as of its last use; what is there already stays.

        Raises:
            OSError: it cannot be written.
        """
        path = self.directory / place
        if not path.is_file():
            write_bytes(path, file)
            os.utime(path, (used, used))

    def forget(self, what: Entry | Record) -> None:
        """Remove bytes, or the record of a piece of work; whoever needs it does the work again."""
        with suppress(OSError):
            (self.directory / place_of(what)).unlink()

    def used_at(self, what: Entry | Record, moment: float) -> None:
        """Set when bytes or a record were last used, in seconds since 1970."""
        with suppress(OSError):
            os.utime(self.directory / place_of(what), (moment, moment))

    def _touch(self, path: Path) -> None:
        now = self.clock()
        with suppress(OSError):
            if abs(now - path.stat().st_mtime) > TOUCH_AFTER:
                os.utime(path, (now, now))

    def _content(self, digest: str) -> Path:
        return self.directory / content_place(digest)

    def _done(self, key: Key) -> Path:
        return self.directory / done_place(key)


def _load(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _remove(path: Path, damaged: bytes) -> None:
    """Remove a file that was found `damaged`, unless another process has put a new one there meanwhile."""
    with suppress(OSError):
        if path.read_bytes() == damaged:
            path.unlink()
