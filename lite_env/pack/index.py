"""The index of a pack: which file lies in which archive at which offset, as nested folders in JSON.

::

    {"format": "1.0",
     "needed": {"lib/a.so": ["libb.so"]},
     "tree": {"lib": {"x.py": [size, archive, offset], "run": [size, archive, offset, 1], "a.so.1": "a.so"}}}

A folder is an object, a symbolic link a text (its target), a file an array: size in bytes, position in the manifest's
`archives`, offset of the body in the uncompressed tar in bytes, and 1 when it is executable.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lite_env.errors import ManifestError, PackError
from lite_env.pack.limits import MAX_INDEX_SIZE
from lite_env.pack.path import is_safe_component
from lite_env.prefix.tree import is_safe_link
from lite_env.store.text import Origin, parse_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_DAMAGED = "the pack is damaged or was not made by lite-env: pack again"

FORMAT = "1.0"
"""Of the index, which changes apart from the manifest's."""

_FILE_FIELDS = 3  # size, archive, offset; a fourth says that the file is executable


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexedFile:
    """Where the body of one file lies; sizes and offsets in bytes."""

    size: int
    archive: int
    offset: int
    executable: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexedLink:
    """A symbolic link."""

    target: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Index:
    """The whole index.

    Attributes:
        entries: files and links by prefix-relative path, sorted.
        needed: for each shared library that needs others, their names in its own order; sorted by path.
    """

    entries: Mapping[str, IndexedFile | IndexedLink]
    needed: Mapping[str, tuple[str, ...]]


def encode_index(index: Index) -> bytes:
    """The index as JSON: sorted keys, no blanks, UTF-8.

    Raises:
        PackError: one path is both a file and a folder.
    """
    tree: dict[str, Any] = {}
    for path, entry in index.entries.items():
        *folders, name = path.split("/")
        node = tree
        for folder in folders:
            node = node.setdefault(folder, {})
            if not isinstance(node, dict):
                raise PackError(f"'{path}' lies below a file", file=path)
        if name in node:
            raise PackError(f"'{path}' is there twice, or is a folder too", file=path)
        if isinstance(entry, IndexedLink):
            node[name] = entry.target
        else:
            node[name] = [entry.size, entry.archive, entry.offset] + [1] * entry.executable
    document = {"format": FORMAT, "needed": dict(index.needed), "tree": tree}
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def decode_index(data: bytes, archive_sizes: Sequence[int]) -> Index:
    """Read an index and check all it says against the sizes of the uncompressed archives, in bytes.

    Raises:
        ManifestError: it is malformed, or points outside of an archive, or two files overlap.
    """
    document = parse_json(
        data, Origin(what="the index of the pack", error=ManifestError, hint=_DAMAGED, max_bytes=MAX_INDEX_SIZE)
    )
    if not isinstance(document, dict) or not isinstance(document.get("tree"), dict):
        raise _fault("it has no 'tree'")
    entries: dict[str, IndexedFile | IndexedLink] = {}
    _decode_folder(document["tree"], "", entries)
    files = {path: entry for path, entry in entries.items() if isinstance(entry, IndexedFile)}
    _check_ranges(files, archive_sizes)
    return Index(entries=dict(sorted(entries.items())), needed=_decode_needed(document.get("needed")))


def _decode_folder(folder: dict[str, Any], prefix: str, entries: dict[str, IndexedFile | IndexedLink]) -> None:
    # A stack and no recursion: a hostile index may be nested deeper than Python's own stack.
    pending = [(prefix, folder)]
    while pending:
        at, node = pending.pop()
        for name, value in node.items():
            path = at + name
            if not is_safe_component(name):
                raise _fault(f"the name {name!r} in the folder '{at}' is not allowed")
            if isinstance(value, dict):
                pending.append((path + "/", value))
            elif isinstance(value, str):
                if not is_safe_link(path, value):
                    raise _fault(f"the link '{path}' leaves the pack: it points to '{value}'")
                entries[path] = IndexedLink(target=value)
            else:
                entries[path] = _decode_file(value, path)


def _decode_file(value: object, path: str) -> IndexedFile:
    if (
        not isinstance(value, list)
        or not _FILE_FIELDS <= len(value) <= _FILE_FIELDS + 1
        or not all(type(number) is int and number >= 0 for number in value)
        or value[_FILE_FIELDS:] not in ([], [1])
    ):
        raise _fault(f"the entry of '{path}' is not [size, archive, offset] or [size, archive, offset, 1]")
    return IndexedFile(size=value[0], archive=value[1], offset=value[2], executable=len(value) > _FILE_FIELDS)


def _check_ranges(files: Mapping[str, IndexedFile], archive_sizes: Sequence[int]) -> None:
    end, last, archive = 0, "", -1
    for path, file in sorted(files.items(), key=lambda item: (item[1].archive, item[1].offset, item[1].size)):
        if file.archive >= len(archive_sizes):
            raise _fault(f"'{path}' lies in archive {file.archive}, but there are {len(archive_sizes)}")
        if file.offset + file.size > archive_sizes[file.archive]:
            raise _fault(f"'{path}' ends behind the end of its archive {file.archive}")
        if file.archive != archive:
            end, archive = 0, file.archive
        if file.offset < end:
            raise _fault(f"'{path}' and '{last}' overlap in archive {file.archive}")
        end, last = file.offset + file.size, path


def _decode_needed(value: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        raise _fault("'needed' is not an object of lists of library names")
    for path, names in value.items():
        if not isinstance(names, list) or not all(isinstance(name, str) and is_safe_component(name) for name in names):
            raise _fault(f"'{path}' needs {names!r}, which are not names of libraries")
    return {path: tuple(names) for path, names in sorted(value.items())}


def _fault(what: str) -> ManifestError:
    return ManifestError(f"the index of the pack is wrong: {what}", hint=_DAMAGED)
