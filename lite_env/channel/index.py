"""Lists of packages for a channel of one's own."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

import rattler
import rattler.index

from lite_env.errors import ChannelError
from lite_env.lock.conda.loop import one_line, run
from lite_env.lock.model import PLATFORM
from lite_env.store.text import Origin, parse_json, read_bounded

if TYPE_CHECKING:
    from pathlib import Path


def index_channel(directory: Path) -> None:
    """Write ``repodata.json`` for each subdir of the channel at `directory`, looking at every package anew.

    Raises:
        ChannelError: a package in it cannot be read.
    """
    for subdir in ("noarch", PLATFORM):
        (directory / subdir).mkdir(parents=True, exist_ok=True)
    try:
        run(rattler.index.index_fs(directory, write_zst=False, write_shards=False, force=True))
    except Exception as error:
        raise ChannelError(
            f"the channel could not be indexed: {one_line(error)}",
            hint="remove the broken package from the channel, or build the channel again",
            channel=str(directory),
        ) from error
    # The indexer leaves its empty scratch folder behind.
    with contextlib.suppress(OSError):
        (directory / ".tmp").rmdir()


def stable_index(path: Path) -> str:
    """The text of an index as a function of the packages: sorted, and without the moment of indexing in every record.

    Args:
        path: of a ``repodata.json``.

    Raises:
        ChannelError: it is broken.
    """
    origin = Origin(what="the index of the channel", error=ChannelError, file=str(path))
    repodata = parse_json(read_bounded(path, origin), origin)
    for section in ("packages", "packages.conda"):
        for record in repodata.get(section, {}).values():
            record.pop("indexed_timestamp", None)
    return json.dumps(repodata, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
