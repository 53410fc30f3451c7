"""The store in a folder of this machine: a file for each content, a file for each piece of work that was done.

::

    DIRECTORY/content/ab/<sha256>          a line of JSON (kind, vouched), then the bytes
    DIRECTORY/done/<kind>/ab/<sha256>      a line with the digest of the rest, then JSON: name → digest

Every file appears whole, so processes need no lock among each other; each is checked when it is read, and goes when it
is damaged. When a file was last changed says when its content was last used.
"""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import msgspec

from lite_env.store.atomic import write_bytes
from lite_env.store.digest import is_sha256, sha256_of_bytes
from lite_env.store.location import cache_directory
from lite_env.store.protocol import Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from lite_env.store.protocol import Key

_TOUCH_AFTER = 3600.0  # seconds: to know the hour of the last use is enough, and a read should not write
_LONGEST_HEAD = 512  # bytes
_KIND = re.compile(r"[a-z][a-z0-9-]{0,63}\Z")


class _Head(msgspec.Struct, frozen=True, kw_only=True):
    """What the first line of a content's file says; another form of these files gets another number."""

    form: Literal[1] = 1
    kind: str
    vouched: bool


def open_store() -> LocalStore:
    """The user's store, below the cache folder; for the edge (command line, addon), which hands it down."""
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
        found = self._find(digest)
        return None if found is None else found[1]

    def write(self, data: bytes, *, kind: str, vouched: bool = False) -> str:
        """Keep `data`, and return its SHA-256; a store that cannot be written is no reason to fail.

        Content that is there already stays of the kind that it was; it is vouched for once anybody says so.
        """
        head = _Head(kind=_checked(kind), vouched=vouched)
        digest = sha256_of_bytes(data)
        found = self._find(digest)
        if found is None or (vouched and not found[0].vouched):
            kept = head if found is None else msgspec.structs.replace(found[0], vouched=True)
            with suppress(OSError):
                write_bytes(self._content(digest), msgspec.json.encode(kept) + b"\n" + data)
            self._touch(self._content(digest))
        return digest

    def recall(self, key: Key) -> Mapping[str, str] | None:
        """What came of a piece of work: digests by name; None when it was not done here, or its record is damaged."""
        path = self._done(key)
        content = self._load(path)
        if content is None:
            return None
        digest, _, text = content.partition(b"\n")
        if sha256_of_bytes(text).encode() != digest:
            _remove(path, content)
            return None
        self._touch(path)
        return msgspec.json.decode(text, type=dict[str, str])

    def record(self, key: Key, results: Mapping[str, str]) -> None:
        """Note what came of a piece of work."""
        text = msgspec.json.encode(dict(results), order="sorted")
        with suppress(OSError):
            write_bytes(self._done(key), sha256_of_bytes(text).encode() + b"\n" + text)

    def entries(self) -> Iterator[Entry]:
        """All bytes that are kept, in the order of their digests; their content is not checked."""
        for path in sorted((self.directory / "content").glob("??/*")):
            if not is_sha256(path.name):
                continue
            try:
                with path.open("rb") as stream:
                    status = os.fstat(stream.fileno())
                    line = stream.readline(_LONGEST_HEAD)
            except OSError:
                continue
            head = _head_of(line)
            if head is not None:
                size = status.st_size - len(line)
                yield Entry(digest=path.name, kind=head.kind, size=size, used=status.st_mtime, vouched=head.vouched)

    def _find(self, digest: str) -> tuple[_Head, bytes] | None:
        # Digests come from manifests and locks of strangers too: only what is one becomes a path.
        if not is_sha256(digest):
            return None
        path = self._content(digest)
        content = self._load(path)
        if content is None:
            return None
        end = content.find(b"\n", 0, _LONGEST_HEAD) + 1
        head = _head_of(content[:end])
        data = content[end:]
        if head is None or sha256_of_bytes(data) != digest:
            _remove(path, content)
            return None
        self._touch(path)
        return head, data

    @staticmethod
    def _load(path: Path) -> bytes | None:
        try:
            return path.read_bytes()
        except OSError:
            return None

    def _touch(self, path: Path) -> None:
        now = self.clock()
        with suppress(OSError):
            if abs(now - path.stat().st_mtime) > _TOUCH_AFTER:
                os.utime(path, (now, now))

    def _content(self, digest: str) -> Path:
        return self.directory / "content" / digest[:2] / digest

    def _done(self, key: Key) -> Path:
        if not is_sha256(key.digest):
            raise ValueError(f"not the digest of a key: {key.digest!r}")
        return self.directory / "done" / _checked(key.kind) / key.digest[:2] / key.digest


def _checked(kind: str) -> str:
    if not _KIND.match(kind):
        raise ValueError(f"not a kind of result: {kind!r}")
    return kind


def _head_of(line: bytes) -> _Head | None:
    try:
        return msgspec.json.decode(line, type=_Head)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _remove(path: Path, damaged: bytes) -> None:
    """Remove a file that was found `damaged`, unless another process has put a new one there meanwhile."""
    with suppress(OSError):
        if path.read_bytes() == damaged:
            path.unlink()
