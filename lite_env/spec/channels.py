"""Channel names, URLs and paths, as conda understands them (CEP 26, CEP 29)."""

from __future__ import annotations

import os.path
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import url2pathname

from lite_env.store.text import split_url

if TYPE_CHECKING:
    from collections.abc import Sequence

CHANNEL_ALIAS = "https://conda.anaconda.org"
"""Where a plain channel name lives."""

_MULTICHANNELS = {"defaults": ("https://repo.anaconda.com/pkgs/main", "https://repo.anaconda.com/pkgs/r")}
_ANACONDA = re.compile(r"pkgs/\w+\Z")
_NAME = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*\Z")
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


def resolve_channel(text: str, base: Path) -> tuple[str, ...]:
    """What a channel stands for: URLs without a trailing slash, or the absolute path of a local one.

    Args:
        text: a URL, a name (``conda-forge``, ``conda-forge/label/dev``, ``defaults``) or a path: ``./x``, ``../x``,
            ``/x``, ``~/x``, ``file:///x``.
        base: the folder that relative paths start from.

    Raises:
        ValueError: it is none of these.
    """
    text = text.strip()
    if is_path(text):
        return (_absolute(text, base),)
    parts = split_url(text)
    if parts.scheme == "file":
        return (_absolute(url2pathname(parts.path), base),)
    if parts.scheme and parts.netloc:
        return (text.rstrip("/"),)
    name = text.strip("/")
    if not _NAME.match(name):
        msg = f"{text!r} is neither a channel's name nor a URL nor a path"
        raise ValueError(msg)
    if name in _MULTICHANNELS:
        return _MULTICHANNELS[name]
    return (f"https://repo.anaconda.com/{name}" if _ANACONDA.match(name) else f"{CHANNEL_ALIAS}/{name}",)


def listed_channel(channel: str, channels: Sequence[str]) -> str | None:
    """The one of `channels` that is meant by the channel in front of a match spec; None when there is none.

    A plain name also means a listed channel of that name elsewhere: ``conda-forge::x`` with
    ``https://prefix.dev/conda-forge`` listed, or a local channel in a folder of that name.
    """
    if channel in channels:
        return channel
    name = channel.removeprefix(f"{CHANNEL_ALIAS}/")
    if name == channel:
        return None
    same = [listed for listed in channels if re.split(r"[/\\]", listed)[-1] == name]
    return same[0] if len(same) == 1 else None


def is_path(text: str) -> bool:
    """Whether a channel is written as a path: a bare ``channels/x`` is a name to conda, ``./channels/x`` is not."""
    return (
        text in {".", "..", "~"} or text.startswith(("./", "../", "/", "~/", ".\\", "..\\")) or bool(_DRIVE.match(text))
    )


def _absolute(text: str, base: Path) -> str:
    # Not `resolve`: a channel reached through a symbolic link keeps the name that the user gave it, and pathlib
    # cannot remove `..` otherwise.
    return os.path.normpath(base.absolute() / Path(text).expanduser())
