"""How a store's files look, in a folder of this machine, in a remote one and in a bundle.

::

    content/ab/<sha256>          a line of JSON (kind, vouched), then the bytes
    done/<kind>/ab/<sha256>      a line with the digest of the rest, then JSON: name → digest
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

import msgspec

from lite_env.store.digest import is_sha256, sha256_of_bytes
from lite_env.store.protocol import Entry, Key, Record
from lite_env.store.typed import decode_json

if TYPE_CHECKING:
    from collections.abc import Mapping

CONTENT = "content"
DONE = "done"
LONGEST_HEAD = 512
"""Bytes of a content's first line."""

_KIND = re.compile(r"[a-z][a-z0-9-]{0,63}\Z")


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What the first line of a content's file says; another form of these files gets another number."""

    form: Literal[1] = 1
    kind: str
    vouched: bool


def head_of(line: bytes) -> Head | None:
    """What a first line says; None when it is none."""
    try:
        head = decode_json(line, Head)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return head if _KIND.match(head.kind) else None


def content_file(head: Head, data: bytes) -> bytes:
    """The file that holds `data`."""
    return msgspec.json.encode(head) + b"\n" + data


def read_content(file: bytes, digest: str) -> tuple[Head, bytes] | None:
    """What a content's file holds; None unless it is whole, and of this SHA-256."""
    end = file.find(b"\n", 0, LONGEST_HEAD) + 1
    head = head_of(file[:end])
    data = file[end:]
    return None if head is None or sha256_of_bytes(data) != digest else (head, data)


def record_file(results: Mapping[str, str]) -> bytes:
    """The file that holds what came of a piece of work."""
    text = msgspec.json.encode(dict(results), order="sorted")
    return sha256_of_bytes(text).encode() + b"\n" + text


def read_record(file: bytes) -> dict[str, str] | None:
    """What came of a piece of work: digests by name; None when its file is damaged."""
    digest, _, text = file.partition(b"\n")
    if sha256_of_bytes(text).encode() != digest:
        return None
    try:
        return decode_json(text, dict[str, str])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def content_place(digest: str) -> str:
    """Where a content lies in a store; digests come from manifests and locks of strangers too.

    Raises:
        ValueError: it is no SHA-256.
    """
    if not is_sha256(digest):
        raise ValueError(f"not a SHA-256: {digest!r}")
    return f"{CONTENT}/{digest[:2]}/{digest}"


def done_place(key: Key) -> str:
    """Where the record of a piece of work lies in a store.

    Raises:
        ValueError: it is no key.
    """
    if not is_sha256(key.digest):
        raise ValueError(f"not the digest of a key: {key.digest!r}")
    return f"{DONE}/{checked_kind(key.kind)}/{key.digest[:2]}/{key.digest}"


def place_of(what: Entry | Record) -> str:
    """Where bytes, or the record of a piece of work, lie in a store."""
    return content_place(what.digest) if isinstance(what, Entry) else done_place(what.key)


def digest_at(place: str) -> str | None:
    """The digest of the content that lies at `place`; None where that is none."""
    name = place.rpartition("/")[2]
    return name if is_sha256(name) and place == content_place(name) else None


def key_at(place: str) -> Key | None:
    """The key of the record that lies at `place`; None where that is none."""
    parts = place.split("/")
    if len(parts) != 4 or not _KIND.match(parts[1]) or not is_sha256(parts[3]):  # noqa: PLR2004 - as `done_place`
        return None
    key = Key(kind=parts[1], digest=parts[3])
    return key if place == done_place(key) else None


def is_whole(place: str, file: bytes) -> bool:
    """Whether `file` is what a store may have at `place`."""
    digest = digest_at(place)
    if digest is not None:
        return read_content(file, digest) is not None
    return key_at(place) is not None and read_record(file) is not None


def checked_kind(kind: str) -> str:
    """`kind`, which becomes a folder's name.

    Raises:
        ValueError: it is none.
    """
    if not _KIND.match(kind):
        raise ValueError(f"not a kind of result: {kind!r}")
    return kind
