"""What a package holds, as its own lists and what is packed tell it: out of an archive, or out of the package cache."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lite_env.errors import PrefixError
from lite_env.store.text import Origin, parse_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PATHS, FILES, LINK = "info/paths.json", "info/files", "info/link.json"
LISTS = (PATHS, FILES, LINK)
"""The files in a package that an installer goes by."""

INDEX = "info/index.json"
"""What a package says of itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PackageContents:
    """What a package consists of.

    Attributes:
        listed: the paths that its lists say are linked, as they stand there.
        commands: names of the commands that are made for it at installation (``noarch: python``).
        packed: every path in it, without ``info/``.
        links: target of each link in it, by path.
        special: listed as files, but neither a file nor a link.
        digests: SHA-256 of each file as its lists give it, by path.
        info: names of the files below ``info/``, each as often as it is packed.
        lacking: listed, but not packed.
        found: SHA-256 of each of its files that was read, by path without ``./``.
    """

    listed: tuple[str, ...]
    commands: tuple[str, ...]
    packed: tuple[str, ...]
    links: Mapping[str, str]
    special: tuple[str, ...]
    digests: Mapping[str, str]
    info: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    found: Mapping[str, str] = field(default_factory=dict)


def contents_of(
    lists: Mapping[str, bytes | None],
    files: Iterable[str],
    links: Mapping[str, str],
    others: Iterable[str],
    *,
    info: Iterable[str] = (),
    found: Mapping[str, str] | None = None,
) -> PackageContents:
    """Put together what a package's lists say and what is packed.

    Args:
        lists: content of each of `LISTS`; None where it is not there.
        files: paths of the regular files in it, and of what its hard links lead to.
        links: targets by path.
        others: whatever else is in it: folders, pipes, devices.
        info: see `PackageContents`.
        found: see `PackageContents`.

    Raises:
        PrefixError, ValueError, TypeError, KeyError, AttributeError: a list is not what it should be.
    """
    entries = _entries(lists.get(PATHS), lists.get(FILES))
    present, rest = frozenset(files), frozenset(path.rstrip("/") for path in others)
    packed = {_plain(path) for path in (*present, *links)}
    return PackageContents(
        listed=tuple(entries),
        commands=_commands(lists.get(LINK)),
        packed=(*sorted(present), *sorted(links)),
        links=dict(links),
        special=tuple(
            path for path, entry in entries.items() if path in rest and entry.get("path_type") != "directory"
        ),
        digests={
            path: str(entry["sha256"]) for path, entry in entries.items() if entry.get("sha256") and path not in links
        },
        info=tuple(info),
        lacking=tuple(
            path
            for path, entry in entries.items()
            if entry.get("path_type") != "directory" and _plain(path) not in packed
        ),
        found={_plain(path): digest for path, digest in (found or {}).items()},
    )


def read_folder(folder: Path) -> PackageContents | None:
    """The contents of an unpacked package; None when its lists are damaged."""
    files: list[str] = []
    others: list[str] = []
    links: dict[str, str] = {}
    try:
        lists = {name: (folder / name).read_bytes() if (folder / name).is_file() else None for name in LISTS}
        for parent, names, leaves in os.walk(folder):
            if Path(parent) == folder and "info" in names:
                names.remove("info")
            for name in (*names, *leaves):
                place = Path(parent, name)
                path = place.relative_to(folder).as_posix()
                mode = place.lstat().st_mode
                if stat.S_ISLNK(mode):
                    links[path] = str(place.readlink())
                else:
                    (files if stat.S_ISREG(mode) else others).append(path)
        return contents_of(lists, files, links, others)
    # Folders in folders without end are a recursion in `os.walk` before Python 3.12.
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, PrefixError):
        return None


def _plain(path: str) -> str:
    return path.removeprefix("./")


def _entries(paths: bytes | None, files: bytes | None) -> dict[str, Mapping[str, object]]:
    """What is to be linked, by path; packages from before ``paths.json`` have a plain list."""
    if paths is None:
        if files is None:
            msg = f"it has neither {PATHS} nor {FILES}"
            raise ValueError(msg)
        return {line.strip(): {} for line in files.decode().splitlines() if line.strip()}
    found = {str(entry["_path"]): entry for entry in parse_json(paths, Origin(what=PATHS, error=PrefixError))["paths"]}
    return {path: entry if isinstance(entry, dict) else {} for path, entry in found.items()}


def _commands(link: bytes | None) -> tuple[str, ...]:
    if link is None:
        return ()
    noarch = parse_json(link, Origin(what=LINK, error=PrefixError)).get("noarch")
    entries = noarch.get("entry_points") if isinstance(noarch, dict) else None
    return tuple(str(entry).partition("=")[0].strip() for entry in entries or ())
