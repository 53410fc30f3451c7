"""Putting packages into a channel that others may be reading: each file and each index appears whole."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from lite_env.channel.index import index_channel, stable_index
from lite_env.channel.model import SUBDIRS
from lite_env.errors import ChannelError
from lite_env.store.atomic import write_bytes, write_text
from lite_env.store.lock import held

if TYPE_CHECKING:
    from collections.abc import Mapping

_REPODATA = "repodata.json"


def publish(channel: Path, packages: Mapping[str, bytes]) -> None:
    """Put `packages` into the folder `channel`, and say so in its indexes.

    Args:
        channel: is made where it is not there.
        packages: contents by path: ``SUBDIR/FILE``.

    Raises:
        ChannelError: a package in the channel cannot be read.
    """
    for subdir in SUBDIRS:
        (channel / subdir).mkdir(parents=True, exist_ok=True)
    with held(channel / ".index.lock"):
        for path, data in sorted(packages.items()):
            write_bytes(channel / path, data)
        _index(channel)


def _index(channel: Path) -> None:
    """Index a view of the channel, so that the indexes themselves are replaced in one step each."""
    with tempfile.TemporaryDirectory(dir=channel, prefix=".index-") as name:
        view = Path(name)
        for subdir in SUBDIRS:
            (view / subdir).mkdir()
            for file in sorted((channel / subdir).iterdir()):
                if file.name.endswith((".conda", ".tar.bz2")) and not file.name.startswith("."):
                    _view(file, view / subdir / file.name)
        index_channel(view)
        for subdir in SUBDIRS:
            write_text(channel / subdir / _REPODATA, stable_index(view / subdir / _REPODATA))


def _view(file: Path, target: Path) -> None:
    try:
        os.link(file, target)
    except OSError:
        shutil.copyfile(file, target)


def has_package(channel: Path, path: str, sha256: str) -> bool:
    """Whether the index of `channel` names this very package at `path`.

    Raises:
        ChannelError: the index is broken.
    """
    subdir, _, name = path.partition("/")
    index = channel / subdir / _REPODATA
    if not (channel / path).is_file() or not index.is_file():
        return False
    try:
        record = json.loads(index.read_bytes()).get("packages.conda", {}).get(name, {})
    except ValueError as error:
        raise ChannelError(f"the index of the channel is broken: {error}", file=str(index)) from error
    return bool(record.get("sha256") == sha256)
