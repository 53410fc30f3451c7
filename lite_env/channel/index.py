"""Lists of packages for a channel of one's own."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import rattler
import rattler.index

from lite_env.errors import ChannelError
from lite_env.lock.conda.loop import one_line, run
from lite_env.lock.model import PLATFORM

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
