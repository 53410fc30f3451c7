"""The files of an installed environment as they lie on disk: sizes, links, modes; nothing is followed or opened."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from lite_env.errors import PrefixError
from lite_env.prefix.model import PrefixFile

CONDA_META = "conda-meta"


def scan_tree(root: Path) -> tuple[PrefixFile, ...]:
    """Every file and symbolic link below `root` but ``conda-meta``, sorted by path; owners are not known yet.

    A link that is absolute, or that goes up after it went down, is rewritten as the shortest relative link to the same
    place, so that links mean the same wherever the tree is put.

    Raises:
        PrefixError: a name that no other system could hold, a link that leaves the prefix, or a special file.
    """
    found: list[PrefixFile] = []
    _scan(root, Path(os.path.realpath(root)), "", found)
    return tuple(sorted(found, key=lambda file: file.path))


def _scan(folder: Path, real_root: Path, prefix: str, found: list[PrefixFile]) -> None:
    with os.scandir(folder) as entries:
        for entry in entries:
            path = prefix + _checked_name(entry.name, prefix)
            if path == CONDA_META:
                continue
            if entry.is_symlink():
                found.append(PrefixFile(path=path, size=0, link=_link_target(Path(entry.path), real_root, path)))
            elif entry.is_dir():
                _scan(Path(entry.path), real_root, path + "/", found)
            elif entry.is_file():
                status = entry.stat()
                executable = bool(status.st_mode & stat.S_IXUSR)
                found.append(PrefixFile(path=path, size=status.st_size, executable=executable))
            else:
                raise PrefixError(f"'{path}' is neither a file nor a folder nor a link", hint="remove it", file=path)


def _checked_name(name: str, prefix: str) -> str:
    _check_unicode(prefix + name)
    if "\\" in name:
        raise PrefixError(f"the file name '{prefix}{name}' contains a backslash", hint="rename or remove it")
    return name


def _check_unicode(path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError as error:
        shown = os.fsencode(path)
        raise PrefixError(
            f"the file name {shown!r} is not UTF-8", hint="rename or remove it: a browser could not name it"
        ) from error


def _link_target(link: Path, real_root: Path, path: str) -> str:
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
            f"the link '{path}' leaves the environment: it points to '{target}'",
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
