"""What every store of results serves, local or remote: *what was done* → digests, and *digest* → bytes.

A store knows nothing of what it keeps. It is handed in from the edge (command line, addon) and never made inside, so
that tests, several users of one machine and remote stores need no second design. Folders of other tools (rattler's
package cache, unpacked prefixes) are outside of it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """The name of a piece of work: its kind (``archive``, ``bytecode``, …) and a SHA-256 over all that decides it."""

    kind: str
    digest: str


def key_of(kind: str, *parts: object) -> Key:
    """The key of the work that `parts` (JSON values) decide: inputs, settings, versions of tools."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return Key(kind=kind, digest=hashlib.sha256(text.encode()).hexdigest())


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """Some bytes in a store.

    Attributes:
        digest: SHA-256 of the bytes.
        kind: of the work that they come from.
        size: bytes.
        used: when it was written or last read, in seconds since 1970.
        vouched: whether a digest that a user holds anyway (a lock's, a manifest's) vouches for the content; what is not
            is believed only because this store says what it is the result of.
    """

    digest: str
    kind: str
    size: int
    used: float
    vouched: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """That a store knows what came of a piece of work.

    Attributes:
        key: of the work.
        size: bytes of the record.
        used: when it was written or last read, in seconds since 1970.
    """

    key: Key
    size: int
    used: float


class Store(Protocol):
    """Two tables; safe for several processes at once. What is damaged is as if it were not there."""

    def read(self, digest: str) -> bytes | None:
        """The bytes with this SHA-256, checked as they are read."""

    def write(self, data: bytes, *, kind: str, vouched: bool = False) -> str:
        """Keep `data`, and return its SHA-256; a store that cannot be written is no reason to fail."""

    def recall(self, key: Key) -> Mapping[str, str] | None:
        """What came of a piece of work: digests by name; None when it was not done here, or its record is damaged."""

    def record(self, key: Key, results: Mapping[str, str]) -> None:
        """Note what came of a piece of work; only what the work itself answered, never that it crashed."""

    def entries(self) -> Iterator[Entry]:
        """All bytes that are kept, in the order of their digests."""


class _Forgetful:
    def read(self, digest: str) -> bytes | None:  # noqa: ARG002 - the seam's shape
        """Have nothing."""
        return None

    def write(self, data: bytes, *, kind: str, vouched: bool = False) -> str:  # noqa: ARG002 - the seam's shape
        """Keep nothing."""
        return hashlib.sha256(data).hexdigest()

    def recall(self, key: Key) -> Mapping[str, str] | None:  # noqa: ARG002 - the seam's shape
        """Know nothing."""
        return None

    def record(self, key: Key, results: Mapping[str, str]) -> None:
        """Note nothing."""

    def entries(self) -> Iterator[Entry]:
        """List nothing."""
        return iter(())


FORGETFUL = _Forgetful()
"""A store that keeps nothing: the default of public functions, as `SILENT` is of reporters."""
