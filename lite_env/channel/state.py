"""What a build left behind, and whether it still stands: ``channel.built.json``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lite_env.channel.model import BuiltChannel, BuiltFile
from lite_env.errors import ChannelError
from lite_env.store.atomic import write_text
from lite_env.store.digest import sha256_of_file
from lite_env.store.text import Origin, parse_json, read_bounded

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from lite_env.channel.model import ChannelDefinition

STATE_FILE = "channel.built.json"

BUILDER = 1
"""Revision of the builder: raised when it makes other bytes of the same definition."""


def read_built(definition: ChannelDefinition, output: Path) -> BuiltChannel | None:
    """The channel in `output`, if it was built from this very definition and every file of it is whole."""
    try:
        path = output / STATE_FILE
        origin = Origin(what="the state of the channel", error=ChannelError, file=str(path))
        state = parse_json(read_bounded(path, origin), origin)
        files = [BuiltFile(**file) for file in state["files"]]
        if (state["definition"], state["builder"]) != (definition.digest, BUILDER):
            return None
        if not all(_is_whole(output / file.path, file) for file in files):
            return None
    except (OSError, ChannelError, KeyError, TypeError):
        # Missing, or not ours: then nothing is built here.
        return None
    return make_built(definition, output, files, fresh=False)


def write_built(definition: ChannelDefinition, output: Path, built: BuiltChannel) -> None:
    """Note what was built."""
    files = [
        {"path": file.path, "sha256": file.sha256, "size": file.size} for file in (*built.packages, *built.indexes)
    ]
    state = {"builder": BUILDER, "definition": definition.digest, "files": files, "name": definition.name}
    write_text(output / STATE_FILE, json.dumps(state, indent=2, sort_keys=True) + "\n", durable=True)


def describe(root: Path, paths: Iterable[str]) -> list[BuiltFile]:
    """Size and digest of files below `root`, sorted by path."""
    return [
        BuiltFile(path=path, sha256=sha256_of_file(root / path), size=(root / path).stat().st_size)
        for path in sorted(paths)
    ]


def make_built(definition: ChannelDefinition, output: Path, files: Iterable[BuiltFile], *, fresh: bool) -> BuiltChannel:
    """The value for the channel whose files are `files`."""
    ordered = sorted(files, key=lambda file: file.path)
    return BuiltChannel(
        name=definition.name,
        path=output.resolve(),
        packages=tuple(file for file in ordered if file.path.endswith(".conda")),
        indexes=tuple(file for file in ordered if not file.path.endswith(".conda")),
        fresh=fresh,
    )


def _is_whole(path: Path, file: BuiltFile) -> bool:
    return path.is_file() and path.stat().st_size == file.size and sha256_of_file(path) == file.sha256
