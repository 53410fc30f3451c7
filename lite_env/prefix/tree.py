"""The files of an installed environment as they lie on disk: sizes, links, modes; nothing is followed or opened."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from lite_env.errors import PrefixError
from lite_env.lock.safety import path_beyond_bounds
from lite_env.prefix.model import PrefixFile
from lite_env.store.text import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

CONDA_META = "conda-meta"


def scan_tree(root: Path, *, without: str | None = CONDA_META, what: str = "the environment") -> tuple[PrefixFile, ...]:
    """Every file and symbolic link below `root` but ``conda-meta``, sorted by path; owners are not known yet.

    A link that is absolute, or that goes up after it went down, is rewritten as the shortest relative link to the same
    place, so that links mean the same wherever the tree is put.

    Args:
        root: a folder.
        without: what is passed by instead of ``conda-meta``.
        what: how errors call `root`.

    Raises:
        PrefixError: a name that no other system could hold, a path beyond all bounds, a link that leaves the prefix,
            or a special file.
    """
    real_root = Path(os.path.realpath(root))
    found: list[PrefixFile] = []
    for path, entry in walk(root, without=without):
        _check(path, entry.name, what)
        if not entry.is_dir(follow_symlinks=False):
            found.append(_look_at(entry, path, real_root, what))
    return tuple(sorted(found, key=lambda file: file.path))


def walk(root: Path, *, without: str | None = None) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """All that lies below `root`, by its path there: folders before what lies in them, and links as links.

    A caller that raises over a folder is not led into it.

    Args:
        root: a folder.
        without: the path of a folder that is passed by.

    Raises:
        OSError: a folder cannot be read.
    """
    waiting = [(str(root), "")]
    while waiting:
        folder, prefix = waiting.pop()
        with os.scandir(folder) as entries:
            for entry in entries:
                path = prefix + entry.name
                if path != without:
                    yield path, entry
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append((entry.path, f"{path}/"))


def _look_at(entry: os.DirEntry[str], path: str, real_root: Path, what: str) -> PrefixFile:
    if entry.is_symlink():
        return PrefixFile(path=path, size=0, link=_link_target(Path(entry.path), real_root, path, what))
    if not entry.is_file():
        raise PrefixError(f"'{path}' is neither a file nor a folder nor a link", hint="remove it", file=path)
    status = entry.stat()
    return PrefixFile(path=path, size=status.st_size, executable=bool(status.st_mode & stat.S_IXUSR))


def _check(path: str, name: str, what: str) -> None:
    _check_unicode(path)
    if "\\" in name:
        raise PrefixError(f"the file name '{path}' contains a backslash", hint="rename or remove it")
    refuse_beyond_bounds(path, what)


def refuse_beyond_bounds(path: str, what: str = "the environment") -> None:
    """Refuse what lies too deep in an environment, or has too long a name.

    Raises:
        PrefixError: it does.
    """
    if reason := path_beyond_bounds(path):
        raise PrefixError(f"{what} holds '{shown(path)}', {reason}", hint="remove it, or the package that brought it")


def _check_unicode(path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError as error:
        shown = os.fsencode(path)
        raise PrefixError(
            f"the file name {shown!r} is not UTF-8", hint="rename or remove it: a browser could not name it"
        ) from error


def _link_target(link: Path, real_root: Path, path: str, what: str) -> str:
    """The link's target, relative, going up only at its beginning and never above the prefix."""
    target = link.readlink().as_posix()
    _check_unicode(target)
    if "\\" in target:
        raise PrefixError(
            f"the link '{path}' points to '{target}', a name with a backslash", hint="rename or remove it", file=path
        )
    if is_safe_link(path, target):
        return target
    here = Path(os.path.realpath(link.parent))
    there = Path(os.path.realpath(link))
    if not there.is_relative_to(real_root):
        raise PrefixError(
            f"the link '{path}' leaves {what}: it points to '{target}'",
            hint="remove it, or the package that brought it",
            file=path,
        )
    return os.path.relpath(there, here).replace(os.sep, "/")


def is_safe_link(path: str, target: str) -> bool:
    """Whether a link at `path` stays inside: some ``..`` that do not pass the root, then plain names; or just ``.``.

    Names may pass through other links: those obey the same rule, so that whatever is reached lies inside.
    """
    if target == ".":
        return True
    parts = target.split("/")
    ups = 0
    while ups < len(parts) and parts[ups] == "..":
        ups += 1
    plain = all(part not in ("", ".", "..") and "\\" not in part and "\0" not in part for part in parts[ups:])
    return bool(parts) and plain and ups <= path.count("/")
