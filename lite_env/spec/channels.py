"""Channel names, URLs and paths, as conda understands them (CEP 26, CEP 29)."""

from __future__ import annotations

import os.path
import re
from pathlib import Path
from typing import TYPE_CHECKING

from lite_env.spec.address import Channel, local_path, looks_like_token
from lite_env.spec.places import is_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

CHANNEL_ALIAS = "https://conda.anaconda.org"
"""Where a plain channel name lives."""

_MULTICHANNELS = {"defaults": ("https://repo.anaconda.com/pkgs/main", "https://repo.anaconda.com/pkgs/r")}
_ANACONDA = re.compile(r"pkgs/\w+\Z")
_NAME = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*\Z")
_LOCAL_URL = re.compile(r"file:(//(localhost)?)?/(?!/)", re.IGNORECASE)
_PLAIN = re.compile(r"[A-Za-z0-9_. -]*\Z")
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


def resolve_channel(text: str, base: Path) -> tuple[Channel, ...]:
    """What a channel stands for: one channel, or several for ``defaults``.

    Args:
        text: a URL, a name (``conda-forge``, ``conda-forge/label/dev``, ``defaults``) or a path: ``./x``, ``../x``,
            ``/x``, ``~/x``, ``file:///x``.
        base: the folder that relative paths start from.

    Raises:
        ValueError: it is none of these; what may hold a credential is not repeated.
    """
    text = text.strip()
    if text.startswith("//"):
        msg = "it starts with `//`: a URL needs its scheme in front, a path has one slash there"
        raise ValueError(msg)
    if is_path(text):
        folder = _absolute(text, base)
        if text.startswith((".", "/t/")) and looks_like_token(text) and not is_folder(folder):
            msg = "it names no folder, and what stands behind `/t/` may be a token, which needs a URL's scheme and host"
            raise ValueError(msg)
        return (Channel.folder(folder),)
    path = local_path(text)
    if path is not None:
        if not _LOCAL_URL.match(text):
            msg = "a file:// URL names a folder of this machine: file:///path"
            raise ValueError(msg)
        return (Channel.folder(_absolute(str(path), base)),)
    if ":" in text:
        return (Channel.parse(text),)
    name = text.strip("/")
    if not _NAME.match(name):
        shown = f"`{name}` is" if _PLAIN.match(name) else "it is"
        msg = f"{shown} neither a channel's name nor a URL nor a path"
        raise ValueError(msg)
    if name in _MULTICHANNELS:
        return tuple(map(Channel, _MULTICHANNELS[name]))
    home = "https://repo.anaconda.com" if _ANACONDA.match(name) else CHANNEL_ALIAS
    return (Channel.parse(f"{home}/{name}"),)


def listed_channel(channel: Channel, channels: Sequence[Channel]) -> Channel | None:
    """The one of `channels` that is meant by the channel in front of a match spec; None when there is none.

    A plain name also means a listed channel of that name elsewhere: ``conda-forge::x`` with
    ``https://prefix.dev/conda-forge`` listed, or a local channel in a folder of that name.
    """
    if channel in channels:
        # The listed one, which may know credentials.
        return channels[channels.index(channel)]
    name = channel.url.removeprefix(f"{CHANNEL_ALIAS}/")
    if name == channel.url:
        return None
    same = [listed for listed in channels if listed.name == name]
    return same[0] if len(same) == 1 else None


def folder_of_that_name(url: str) -> str | None:
    """The folder below the working folder that was perhaps meant by a name without ``./``; None when there is none."""
    name = url.removeprefix(f"{CHANNEL_ALIAS}/")
    return name if name != url and is_folder(Path(name)) else None


def is_path(text: str) -> bool:
    """Whether a channel is written as a path: a bare ``channels/x`` is a name to conda, ``./channels/x`` is not."""
    return (
        text in {".", "..", "~"} or text.startswith(("./", "../", "/", "~/", ".\\", "..\\")) or bool(_DRIVE.match(text))
    )


def _absolute(text: str, base: Path) -> Path:
    # Not `resolve`: a channel reached through a symbolic link keeps the name that the user gave it, and pathlib
    # cannot remove `..` otherwise.
    try:
        path = Path(text).expanduser()
    except RuntimeError as error:
        msg = "the folder of the user that it begins with cannot be found"
        raise ValueError(msg) from error
    return Path(os.path.normpath(base.absolute() / path))
