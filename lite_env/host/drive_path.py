"""Which file of the host a path of the drive stands for: decided without touching what is outside the folder.

A path comes as text inside JSON and is taken as it is: no percent sign, no entity, no other encoding is undone, so that
``%2e%2e`` is a file of that name.
"""

from __future__ import annotations

import os
from pathlib import Path

from lite_env.errors import DriveError
from lite_env.pack.path import windows_fault


def components(path: str, *, windows: bool = os.name == "nt") -> tuple[str, ...]:
    """The names that lead from the drive's folder to `path`; none for the folder itself.

    A path that does not begin with ``/`` may carry the name of a JupyterLab drive (``name:folder/file``), which is left
    out: one server has one folder.

    Raises:
        DriveError: ``EACCES`` for a path with ``..``, ``EINVAL`` for a name that cannot be one here.
    """
    name, colon, rest = path.partition(":")
    if colon and "/" not in name:
        path = rest
    parts = tuple(part for part in path.split("/") if part not in {"", "."})
    if ".." in parts:
        raise DriveError("EACCES", f"{path!r} has '..'")
    for part in parts:
        reason = _fault(part, windows=windows)
        if reason:
            raise DriveError("EINVAL", f"{part!r} cannot be the name of a file: {reason}")
    return parts


def locate(root: Path, parts: tuple[str, ...]) -> Path:
    """The file below `root` that `parts` lead to, symbolic links followed; it need not exist.

    Args:
        root: the drive's folder, itself without links.
        parts: as `components` gives them.

    Raises:
        DriveError: ``EACCES``, when a link leads out of the folder.
    """
    # realpath and not Path.resolve: that raises on a loop of links, where opening gives a proper error.
    found = Path(os.path.realpath(root.joinpath(*parts)))
    # What follows a loop of links is left as it is, which may be '..'.
    if not found.is_relative_to(root) or ".." in found.parts:
        raise DriveError("EACCES", f"'{'/'.join(parts)}' leads out of the folder that is served")
    return found


def can_be_told(name: str) -> bool:
    """Whether a file's name is text; on POSIX it may be any bytes, for which JSON and a kernel have no notion."""
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


def _fault(part: str, *, windows: bool) -> str | None:
    if "\0" in part:
        return "it has a NUL"
    if not can_be_told(part):
        return "it is not text"
    return windows_fault(part) if windows else None
